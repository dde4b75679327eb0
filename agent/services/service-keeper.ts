import { compileServices, type ServiceHost, SERVICES_TABLE } from '../../core/network/services/compile-services.ts';
import type { PodBridge } from '../../core/network/services/bridge-table.ts';
import { staleFlows } from '../../core/network/services/stale-flows.ts';
import type { AssignedService } from '../../core/node/assigned-services.ts';
import type { Assignment } from '../../core/node/assignment.ts';
import type { ForgetFlows } from '../kernel/conntrack.ts';
import type { Nft } from '../kernel/nft.ts';
import { nftTable } from '../kernel/nft-table.ts';
import type { Keeper } from './keeper.ts';

/** Routes Services. */
export function serviceKeeper(nodeName: string, nft: Nft, forget: ForgetFlows): Keeper {
  const table = nftTable(nft, { family: 'ip', table: SERVICES_TABLE });
  /** What the table was made from last: most checks find nothing new. */
  let made:
    | { readonly assignment: Assignment; readonly bridges: string; readonly services: readonly AssignedService[] }
    | undefined;

  return {
    table: SERVICES_TABLE,
    failure: { reason: 'ServicesNotRouted', what: 'Services are not routed on this host' },
    wants: hasRoutedService,
    async enforce(assignment, bridges) {
      const from = JSON.stringify(bridges);
      if (made?.assignment === assignment && made.bridges === from) return;
      const services = (assignment.services ?? []).filter(isRouted);
      const before = made?.services;
      made = undefined;
      await table.set(compileServices(services, hostOf(nodeName, assignment, bridges)));
      made = { assignment, bridges: from, services };
      const stale = before ? staleFlows(before, services) : [];
      if (stale.length > 0) await forget(stale);
    },
    repair: () => table.repair(),
    async clear() {
      made = undefined;
      await table.remove();
    },
  };
}

export const hasRoutedService = ({ services = [] }: Assignment) => services.some(isRouted);

const isRouted = ({ clusterIP }: AssignedService) => clusterIP !== undefined;

function hostOf(node: string, { network }: Assignment, bridges: readonly PodBridge[]): ServiceHost {
  return network?.subnet
    ? { node, podBlocks: [network.network], networked: true }
    : { node, podBlocks: [...new Set(bridges.map(({ subnet }) => subnet))].sort(), networked: false };
}
