import type { PersonPrincipal } from '../../core/ports/identity.ts';
import { exportAudit } from './audit.ts';
import { listClusters } from './clusters.ts';
import { listHosts } from './hosts.ts';
import { listInvitations, listMembers } from './members.ts';
import type { OrganisationRow } from './records.ts';
import { requireRole } from './sessions.ts';
import type { AccountsContext } from './settings.ts';
import { listTokens } from './tokens.ts';

/** A line of an export: what it is of, and the thing as the API shows it. No hashes, no passwords. */
export interface ExportLine {
  readonly type: 'organisation' | 'member' | 'invitation' | 'token' | 'cluster' | 'node' | 'resource' | 'audit';
  /** Of nodes and resources: id of the cluster. */
  readonly cluster?: string;
  readonly value: unknown;
}

/** All that an organisation has; `resources` reads those of a cluster, Secrets too: that's why only an owner may. */
export async function* exportOrganisation(
  context: AccountsContext,
  principal: PersonPrincipal,
  resources: (tenant: string, cluster: string) => AsyncIterable<unknown>,
): AsyncGenerator<ExportLine> {
  const { store } = context;
  const { tenant } = principal;
  requireRole(principal, 'owner', 'export the organisation');
  const organisation = await store.forTenant(tenant).get<OrganisationRow>('org', 'organisation');
  yield { type: 'organisation', value: { id: tenant, ...withoutKeys(organisation) } };
  for (const value of await listMembers(context, tenant)) yield { type: 'member', value };
  for (const value of await listInvitations(context, tenant)) yield { type: 'invitation', value };
  for (const value of await listTokens(context, principal)) yield { type: 'token', value };
  for (const cluster of await listClusters(context, principal)) {
    yield { type: 'cluster', value: cluster };
    for (const value of await listHosts(context, tenant, cluster.id)) yield { type: 'node', cluster: cluster.id, value };
    for await (const value of resources(tenant, cluster.id)) yield { type: 'resource', cluster: cluster.id, value };
  }
  for await (const value of exportAudit(store, tenant)) yield { type: 'audit', value };
}

function withoutKeys(row: object | undefined): object {
  return Object.fromEntries(Object.entries(row ?? {}).filter(([name]) => name !== 'pk' && name !== 'sk'));
}
