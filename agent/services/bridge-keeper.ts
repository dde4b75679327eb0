import { BRIDGE_TABLE, compileBridges } from '../../core/network/services/bridge-table.ts';
import type { Nft } from '../kernel/nft.ts';
import { nftTable } from '../kernel/nft-table.ts';
import type { Keeper } from './keeper.ts';
import { hasRoutedService } from './service-keeper.ts';

/** Has traffic between pods of this host routed, as long as Services or policies need it. `prepare`: settings of the kernel. */
export function bridgeKeeper(nft: Nft, prepare: (bridges: readonly string[]) => Promise<void>): Keeper {
  const table = nftTable(nft, { family: 'bridge', table: BRIDGE_TABLE });
  return {
    table: BRIDGE_TABLE,
    failure: {
      reason: 'SameHostTrafficNotRouted',
      what: 'Services and NetworkPolicies may not work between two pods of this host',
    },
    wants: (assignment) => hasRoutedService(assignment) || assignment.policies !== undefined,
    async enforce(_assignment, bridges) {
      await table.set(compileBridges(bridges));
      await prepare(bridges.map(({ name }) => name));
    },
    repair: () => table.repair(),
    clear: () => table.remove(),
  };
}
