import type { UsageView } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { OrganisationRow } from './records.ts';
import { monthOf, REQUESTS_PART, type RequestsRow } from './request-counts.ts';
import type { AccountsContext } from './settings.ts';

/** What the organisation has of what its plan allows: the very counters that are enforced. */
export async function usage({ store, freePlan }: AccountsContext, tenant: string): Promise<UsageView> {
  const items = store.forTenant(tenant);
  const month = monthOf(store.clock.now());
  const [row, stores, requests] = await Promise.all([
    items.get<OrganisationRow>('org', 'organisation'),
    items.list<{ bytes: number }>('kvusage'),
    items.get<RequestsRow>(REQUESTS_PART, month),
  ]);
  if (!row) throw new TerraneError('not_found');
  return {
    plan: row.plan,
    nodes: { used: row.nodes, limit: row.nodeLimit },
    clusters: { used: row.clusters, limit: row.clusterLimit },
    members: { used: row.members, limit: row.memberLimit },
    kvBytes: { used: stores.reduce((sum, { bytes }) => sum + bytes, 0), limit: row.kvByteLimit ?? freePlan.kvBytes },
    requests: { month, api: requests?.api ?? 0, node: requests?.node ?? 0, updates: requests?.updates ?? 0 },
  };
}
