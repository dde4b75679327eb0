import type { UsageView } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { OrganisationRow } from './records.ts';
import type { AccountsContext } from './settings.ts';

/** What the organisation has of what its plan allows: one read, of the very counters that are enforced. */
export async function usage({ store }: AccountsContext, tenant: string): Promise<UsageView> {
  const row = await store.forTenant(tenant).get<OrganisationRow>('org', 'organisation');
  if (!row) throw new TerraneError('not_found');
  return {
    plan: row.plan,
    nodes: { used: row.nodes, limit: row.nodeLimit },
    clusters: { used: row.clusters, limit: row.clusterLimit },
    members: { used: row.members, limit: row.memberLimit },
  };
}
