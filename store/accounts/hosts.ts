import type { HostView } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import { ONLY } from './accounts-store.ts';
import { audited, type Who } from './audit.ts';
import type { HostKeyEntry, HostRow } from './records.ts';
import type { AccountsContext } from './settings.ts';

/** Where the identity table has a host's key. */
export function hostKeyPart(publicKey: string): string {
  return `host-key#${publicKey}`;
}

/** Whose key is it? A revocation counts at the next request: only a sole writer remembers, until it writes. */
export async function hostOfKey(
  { store }: AccountsContext,
  publicKey: string,
): Promise<{ readonly status: 'active' | 'revoked'; readonly host: HostPrincipal } | undefined> {
  const read = () => store.identity.get<HostKeyEntry>(hostKeyPart(publicKey), ONLY);
  const entry = await (store.knownHosts ? store.knownHosts.get(publicKey, read) : read());
  if (!entry) return undefined;
  const { tenant, cluster, hostId, nodeName, status } = entry;
  return { status, host: { kind: 'host', tenant, cluster, hostId, nodeName } };
}

/** Part of the tenant: sk is the key of a removed host. The identity table remembers it, for the host to be told; here is which to forget. */
export const REVOKED_KEYS = 'revoked-keys';

export async function listHosts({ store }: AccountsContext, tenant: string, cluster: string): Promise<HostView[]> {
  const rows = await store.forTenant(tenant).list<HostRow>(`hosts#${cluster}`);
  return rows.map(({ nodeName, hostId, joinedAt, joinedWith }) => ({ name: nodeName, hostId, cluster, joinedAt, joinedWith }));
}

/**
 * Revokes the host's key and frees its name and its place in the plan. False if the cluster has no such host (any more):
 * safe to repeat.
 */
export async function removeHost(
  context: AccountsContext,
  tenant: string,
  cluster: string,
  nodeName: string,
  who: Who,
): Promise<boolean> {
  const { store, hooks } = context;
  const items = store.forTenant(tenant);
  const host = await items.get<HostRow>(`hosts#${cluster}`, nodeName);
  if (!host) return false;
  const { hostId, publicKey } = host;
  const fewer = { expression: 'SET #nodes = #nodes - :one', values: { one: 1 } };
  const revoke = { expression: 'SET #status = :status', values: { status: 'revoked' } };
  const gone = new TerraneError('not_found');
  try {
    await store.transact([
      {
        write: items.remove(`hosts#${cluster}`, nodeName, { expression: '#hostId = :host', values: { host: hostId } }),
        refuse: () => gone,
      },
      { write: store.identity.change(hostKeyPart(publicKey), ONLY, revoke) },
      { write: items.put(REVOKED_KEYS, publicKey, { hostId }) },
      { write: items.change('org', 'organisation', fewer) },
      { write: items.change('org', `cluster#${cluster}`, fewer) },
      audited(store, tenant, who, 'node.remove', nodeName, { cluster, hostId }),
    ]);
  } catch (error) {
    if (error === gone) return false;
    throw error;
  }
  await hooks.onNodeRevoked?.(tenant, cluster, nodeName);
  return true;
}
