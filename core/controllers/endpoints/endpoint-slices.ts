import { equalJson } from '../../resources/equal.ts';
import { type EndpointSlice, SERVICE_NAME_LABEL, type SlicePort } from '../../resources/schema/endpoint-slice.ts';
import type { Pod } from '../../resources/schema/pod.ts';
import type { Service } from '../../resources/schema/service.ts';
import { suffix } from '../digest.ts';
import { Draft } from '../draft.ts';
import { controllerReference } from '../ownership.ts';
import type { ClusterState, Controller, NewResource } from '../types.ts';
import { endpointOf, portsOn, portsWithoutPods } from './endpoint-of.ts';
import { packSlices, type WantedEndpoints } from './pack-slices.ts';
import { selectedPods } from './selected-pods.ts';
import { slicesOf } from './slices-of.ts';

const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
/** Kubernetes' name of this controller: tools look for it. */
const MANAGER = 'endpointslice-controller.k8s.io';

/** What a Service was last found settled with. The objects never change, so the very same ones need no second look. */
const settled = new WeakMap<Service, { readonly pods: readonly Pod[]; readonly slices: readonly EndpointSlice[] }>();

/**
 * Keeps the EndpointSlices of each Service with a selector equal to its pods. Slices of others, and of Services without a selector,
 * are left alone. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
 */
export const endpointSliceController: Controller = {
  name: 'endpointslice-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    const pods = state.list('Pod');
    draft.forEach(state.list('Service'), (service) => {
      const selected = service.metadata.deletionTimestamp ? undefined : selectedPods(service, pods);
      const own = slicesOf(state, service).filter(isManaged);
      if (!selected) {
        // It had a selector once: what was made for it would go stale.
        for (const slice of own) if (!slice.metadata.deletionTimestamp) draft.delete(slice);
        return;
      }
      const known = settled.get(service);
      if (known && sameItems(known.pods, selected) && sameItems(known.slices, own)) return;
      if (!reconcile(state, draft, service, selected, own)) settled.set(service, { pods: selected, slices: own });
    });
    return draft.finish();
  },
};

const isManaged = ({ metadata }: EndpointSlice) => metadata.labels?.[MANAGED_BY_LABEL] === MANAGER;

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Returns whether anything had to be changed. */
function reconcile(
  state: ClusterState,
  draft: Draft,
  service: Service,
  pods: readonly Pod[],
  own: readonly EndpointSlice[],
): boolean {
  if (state.get('Namespace', '', service.metadata.namespace ?? '')?.metadata.deletionTimestamp) return false;
  const living = own.filter(({ metadata }) => !metadata.deletionTimestamp);
  const { kept, made, dropped } = packSlices(living, wantedOf(service, pods));
  const labels = labelsOf(service);
  let changed = made.length + dropped.length > 0;
  for (const { slice, endpoints } of kept) {
    if (equalJson(slice.endpoints ?? [], endpoints) && equalJson(slice.metadata.labels, labels)) continue;
    draft.update({ ...slice, metadata: { ...slice.metadata, labels }, endpoints: [...endpoints] });
    changed = true;
  }
  const taken = new Set<string>();
  for (const wanted of made) draft.create(newSlice(state, service, wanted, labels, taken));
  for (const slice of dropped) draft.delete(slice);
  return changed;
}

/** Pods by the ports that they have for it: a named port may be another number in another version of them. */
function wantedOf(service: Service, pods: readonly Pod[]): WantedEndpoints[] {
  const groups = new Map<string, { ports: SlicePort[]; endpoints: WantedEndpoints['endpoints'][number][] }>();
  for (const pod of pods) {
    const endpoint = endpointOf(service, pod);
    if (!endpoint) continue;
    const ports = portsOn(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key);
    if (group) group.endpoints.push(endpoint);
    else groups.set(key, { ports, endpoints: [endpoint] });
  }
  return groups.size > 0 ? [...groups.values()] : [{ ports: portsWithoutPods(service), endpoints: [] }];
}

function labelsOf({ metadata, spec }: Service): Record<string, string> {
  return {
    ...metadata.labels,
    [SERVICE_NAME_LABEL]: metadata.name,
    [MANAGED_BY_LABEL]: MANAGER,
    ...(spec?.clusterIP === 'None' && { 'service.kubernetes.io/headless': '' }),
  };
}

function newSlice(
  state: ClusterState,
  service: Service,
  { ports, endpoints }: WantedEndpoints,
  labels: Record<string, string>,
  taken: Set<string>,
): NewResource<EndpointSlice> {
  const { namespace = '', name, uid } = service.metadata;
  const base = `${name}-`.slice(0, 58);
  let full: string;
  let index = 0;
  do full = `${base}${suffix(`${uid}/${state.revision}/${index++}`, 5)}`;
  while (taken.has(full) || state.get('EndpointSlice', namespace, full));
  taken.add(full);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: full, generateName: base, namespace, labels, ownerReferences: [controllerReference(service)] },
    addressType: 'IPv4',
    endpoints: [...endpoints],
    ports: [...ports],
  };
}
