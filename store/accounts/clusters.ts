import type { ClusterView } from '../../core/accounts/api.ts';
import { clusterNameProblem } from '../../core/accounts/names.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { PersonPrincipal } from '../../core/ports/identity.ts';
import { updateTokenKey, updateTokensPart } from '../update-tokens.ts';
import { audited, type Who } from './audit.ts';
import { newId } from './ids.ts';
import { requireVerified } from './me.ts';
import { markGone, purgeGone } from './purge-cluster.ts';
import type { ClusterNameRow, ClusterRow, OrganisationRow } from './records.ts';
import { requireRole } from './sessions.ts';
import type { AccountsContext } from './settings.ts';

const TOKENS_MAX = 80;
const NO_CLUSTER = 'There is no such cluster in this organisation.';

export async function listClusters({ store }: AccountsContext, principal: PersonPrincipal): Promise<ClusterView[]> {
  const rows = await store.forTenant(principal.tenant).list<ClusterRow>('org', { prefix: 'cluster#' });
  const visible = rows.filter((row) => principal.cluster === undefined || row.id === principal.cluster);
  return visible.map(viewOf).sort((a, b) => a.createdAt - b.createdAt);
}

/** By id, or by name within the organisation. Throws `not_found` for what the caller may not see, too. */
export async function readCluster(
  { store }: AccountsContext,
  principal: PersonPrincipal,
  idOrName: string,
): Promise<ClusterView> {
  // What is too long to be either isn't asked for: the store would refuse it as a key.
  if (idOrName.length > 64) throw new TerraneError('not_found', NO_CLUSTER);
  const items = store.forTenant(principal.tenant);
  const row = (await items.get<ClusterRow>('org', `cluster#${idOrName}`)) ?? (await byName());
  if (!row || (principal.cluster !== undefined && principal.cluster !== row.id)) throw new TerraneError('not_found', NO_CLUSTER);
  return viewOf(row);

  async function byName(): Promise<ClusterRow | undefined> {
    const entry = await items.get<ClusterNameRow>('org', `cluster-name#${idOrName}`);
    return entry && items.get<ClusterRow>('org', `cluster#${entry.id}`);
  }
}

/**
 * The keyspace is prepared first and the cluster registered after it: whoever can see a cluster finds it complete, and a
 * crash in between leaves a keyspace that nobody knows.
 */
export async function createCluster(
  context: AccountsContext,
  principal: PersonPrincipal,
  name: string,
  who: Who,
): Promise<ClusterView> {
  const { store, hooks } = context;
  const { tenant } = principal;
  requireRole(principal, 'admin', 'create clusters');
  requireWholeOrganisation(principal);
  await requireVerified(context, principal);
  const problem = clusterNameProblem(name);
  if (problem) throw new TerraneError('invalid_request', `name ${problem}`, { details: [{ field: 'name', message: problem }] });
  const items = store.forTenant(tenant);
  const taken = () => new TerraneError('cluster_name_taken', `The organisation has a cluster named ${name}.`);
  const [named, organisation] = await Promise.all([
    items.get('org', `cluster-name#${name}`),
    items.get<OrganisationRow>('org', 'organisation'),
  ]);
  if (named) throw taken();
  // Also decided below, at once with the rest; here, so that who is refused leaves no keyspace behind each time.
  if (organisation && organisation.clusters >= organisation.clusterLimit) throw clusterLimit(organisation);

  const row: ClusterRow = { id: newId(), name, nodes: 0, createdAt: store.clock.now() };
  await hooks.onClusterCreated?.(tenant, row.id);
  const nameRow: ClusterNameRow = { id: row.id };
  await store.transact([
    { write: items.create('org', `cluster-name#${name}`, nameRow), refuse: taken },
    {
      write: items.change(
        'org',
        'organisation',
        { expression: 'SET #clusters = #clusters + :one', values: { one: 1 } },
        { expression: '#clusters < #clusterLimit' },
      ),
      refuse: (found) => clusterLimit(found as OrganisationRow | undefined),
    },
    { write: items.create('org', `cluster#${row.id}`, row) },
    audited(store, tenant, who, 'cluster.create', row.id, { name }),
  ]);
  return viewOf(row);
}

/** Only an empty cluster goes: a host is never left with a key of a cluster that is no more. */
export async function deleteCluster(
  context: AccountsContext,
  principal: PersonPrincipal,
  idOrName: string,
  who: Who,
): Promise<void> {
  const { store, log } = context;
  const { tenant } = principal;
  const { id, name } = await readCluster(context, principal, idOrName);
  requireRole(principal, 'admin', 'delete clusters');
  requireWholeOrganisation(principal);
  const items = store.forTenant(tenant);
  // Refused from the same moment on; those beyond what fits into a transaction go with the log a moment later.
  const tokens = await items.list(updateTokensPart(id), { prefix: updateTokenKey(''), limit: TOKENS_MAX });
  await store.transact([
    {
      write: items.remove('org', `cluster#${id}`, { expression: '#nodes = :none', values: { none: 0 } }),
      refuse: (found) => notEmpty(found as ClusterRow | undefined),
    },
    { write: items.remove('org', `cluster-name#${name}`) },
    ...tokens.map(({ sk }) => ({ write: items.remove(updateTokensPart(id), sk) })),
    markGone(store, tenant, id),
    { write: items.change('org', 'organisation', { expression: 'SET #clusters = #clusters - :one', values: { one: 1 } }) },
    audited(store, tenant, who, 'cluster.delete', id, { name }),
  ]);
  // Nobody reaches it any more. What can't be removed now is with the next cluster that is made or deleted.
  await purgeGone(context, tenant).catch((error: unknown) =>
    log.error('a deleted cluster is not all gone', { tenant, cluster: id, error: String(error) }),
  );
}

/** A token that is limited to one cluster doesn't reach the organisation. */
export function requireWholeOrganisation(principal: PersonPrincipal): void {
  if (principal.cluster === undefined) return;
  throw new TerraneError('role_too_low', 'This API token is limited to one cluster.', {
    fix: 'Use a login, or a token without cluster.',
  });
}

function clusterLimit(organisation: OrganisationRow | undefined): TerraneError {
  return new TerraneError(
    'cluster_limit_reached',
    `The organisation has ${organisation?.clusterLimit} clusters, as many as its plan allows.`,
  );
}

function notEmpty(cluster: ClusterRow | undefined): TerraneError {
  if (!cluster) return new TerraneError('not_found', NO_CLUSTER);
  return new TerraneError(
    'cluster_not_empty',
    `The cluster still has ${cluster.nodes} ${cluster.nodes === 1 ? 'node' : 'nodes'}.`,
  );
}

function viewOf({ id, name, nodes, createdAt }: ClusterRow): ClusterView {
  return { id, name, nodes, createdAt };
}
