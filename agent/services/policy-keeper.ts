import { compilePolicies, POLICY_TABLE } from '../../core/network/policies/compile-policies.ts';
import type { Nft } from '../kernel/nft.ts';
import { nftTable } from '../kernel/nft-table.ts';
import type { Keeper } from './keeper.ts';

/** Enforces NetworkPolicies. `addresses`: of this host's pods as its engine shows them, by uid. */
export function policyKeeper(nft: Nft, addresses: () => ReadonlyMap<string, string>): Keeper {
  const table = nftTable(nft, { family: 'ip', table: POLICY_TABLE });
  return {
    table: POLICY_TABLE,
    failure: { reason: 'PoliciesNotEnforced', what: 'NetworkPolicies are not enforced on this host' },
    wants: ({ policies }) => policies !== undefined,
    async enforce({ policies }) {
      if (policies) await table.set(compilePolicies(policies, addresses()));
    },
    repair: () => table.repair(),
    clear: () => table.remove(),
  };
}
