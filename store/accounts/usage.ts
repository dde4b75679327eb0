import type { UsageView } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { OrganisationRow, RepositoryRow } from './records.ts';
import { REPOSITORIES_MAX, REPOSITORIES_PART } from './repositories.ts';
import { monthOf, REQUESTS_PART, type RequestsRow } from './request-counts.ts';
import type { AccountsContext } from './settings.ts';

/** What the organisation has of what its plan allows: the very counters that are enforced. */
export async function usage(context: AccountsContext, tenant: string): Promise<UsageView> {
  const { store, freePlan } = context;
  const items = store.forTenant(tenant);
  const month = monthOf(store.clock.now());
  const [row, stores, requests, imageBytes] = await Promise.all([
    items.get<OrganisationRow>('org', 'organisation'),
    items.list<{ bytes: number }>('kvusage'),
    items.get<RequestsRow>(REQUESTS_PART, month),
    imageBytesOf(context, tenant),
  ]);
  if (!row) throw new TerraneError('not_found');
  return {
    plan: row.plan,
    nodes: { used: row.nodes, limit: row.nodeLimit },
    clusters: { used: row.clusters, limit: row.clusterLimit },
    members: { used: row.members, limit: row.memberLimit },
    kvBytes: { used: stores.reduce((sum, { bytes }) => sum + bytes, 0), limit: row.kvByteLimit ?? freePlan.kvBytes },
    requests: { month, api: requests?.api ?? 0, node: requests?.node ?? 0, updates: requests?.updates ?? 0 },
    repositories: { used: row.repositories ?? 0, limit: REPOSITORIES_MAX },
    ...(imageBytes !== undefined && { imageBytes }),
  };
}

/** A registry that doesn't answer hides nothing else. */
async function imageBytesOf({ store, images, log }: AccountsContext, tenant: string): Promise<number | undefined> {
  if (!images.bytes) return undefined;
  try {
    const rows = await store.forTenant(tenant).list<RepositoryRow>(REPOSITORIES_PART);
    const names = rows.filter(({ state }) => state === 'ready').map(({ name }) => name);
    return await images.bytes(tenant, names);
  } catch (error) {
    log.warn('bytes of images are not known', { tenant, problem: String(error) });
    return undefined;
  }
}
