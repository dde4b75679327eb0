import { compileServices, type ServiceHost, SERVICES_TABLE } from '../../core/network/services/compile-services.ts';
import { gatewayOf } from '../../core/network/names.ts';
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
  /** What the table was made from: most checks find nothing new. undefined: it may not be as it should. */
  let made: { readonly assignment: Assignment; readonly bridges: string } | undefined;
  /** What datagrams were last sent by. */
  let routed: readonly AssignedService[] | undefined;

  return {
    table: SERVICES_TABLE,
    failure: { reason: 'ServicesNotRouted', what: 'Services are not routed on this host' },
    wants: hasRoutedService,
    async enforce(assignment, bridges) {
      const from = JSON.stringify(bridges);
      if (made?.assignment === assignment && made.bridges === from) return;
      const services = (assignment.services ?? []).filter(isRouted);
      made = undefined;
      await table.set(compileServices(services, hostOf(nodeName, assignment, bridges)));
      made = { assignment, bridges: from };
      const stale = routed ? staleFlows(routed, services) : [];
      routed = services;
      if (stale.length > 0) await forget(stale);
    },
    async repair() {
      const before = made;
      made = undefined;
      const changed = await table.repair();
      made = before;
      return changed;
    },
    async clear() {
      made = undefined;
      routed = undefined;
      await table.remove();
    },
  };
}

export const hasRoutedService = ({ services = [] }: Assignment) => services.some(isRouted);

const isRouted = ({ clusterIP }: AssignedService) => clusterIP !== undefined;

function hostOf(node: string, { network }: Assignment, bridges: readonly PodBridge[]): ServiceHost {
  return network?.subnet
    ? { node, podBlocks: [network.network], networked: true, address: gatewayOf(network.subnet) }
    : { node, podBlocks: [...new Set(bridges.map(({ subnet }) => subnet))].sort(), networked: false };
}
