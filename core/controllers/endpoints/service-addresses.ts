import { needsClusterIp, needsNodePorts } from '../../network/allocate-service.ts';
import type { Service } from '../../resources/schema/service.ts';
import { Draft } from '../draft.ts';
import type { Controller } from '../types.ts';

/** Gives Services from before addresses were given out theirs: writing one back is what allocates. */
export const serviceAddressController: Controller = {
  name: 'service-address-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    draft.forEach(state.list('Service').filter(lacksSomething), (service) => draft.update(service));
    return draft.finish();
  },
};

function lacksSomething(service: Service): boolean {
  const { clusterIP, ports = [] } = service.spec ?? {};
  if (service.metadata.deletionTimestamp) return false;
  return (needsClusterIp(service) && !clusterIP) || (needsNodePorts(service) && ports.some(({ nodePort }) => !nodePort));
}
