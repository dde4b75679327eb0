import type { ConnectionRow } from './records.ts';
import type { AccountsStore } from './accounts-store.ts';
import type { AccountsContext } from './settings.ts';

/** A deleted cluster whose items aren't all gone yet: part `org`, sk `gone#<id>`. */
const GONE = 'gone#';

/** The step of the transaction that takes the cluster from sight: from then on its items are to go, whatever happens to this process. */
export function markGone(store: AccountsStore, tenant: string, cluster: string) {
  return { write: store.forTenant(tenant).put('org', `${GONE}${cluster}`, { at: store.clock.now() }) };
}

/** Removes what is left of deleted clusters, also of those whose deletion was cut short. Safe to repeat. */
export async function purgeGone({ store, hooks }: AccountsContext, tenant: string): Promise<void> {
  const items = store.forTenant(tenant);
  for (const { sk } of await items.list('org', { prefix: GONE })) {
    const cluster = sk.slice(GONE.length);
    // First who writes to it by itself, or it would come back.
    await hooks.onClusterDeleted?.(tenant, cluster);
    await purgeCluster(store, tenant, cluster);
    await store.transact([{ write: items.remove('org', sk) }]);
  }
}

/** Log, snapshots, reports, connections and alarms: everything that store/ keeps of a cluster besides its hosts. */
async function purgeCluster(store: AccountsStore, tenant: string, cluster: string): Promise<void> {
  const items = store.forTenant(tenant);
  await clearLogs();
  for (const part of ['inbox', 'beat', 'stream', 'updates', 'kvuse']) await items.clear(`${part}#${cluster}`);
  await store.transact([{ write: items.remove('kvusage', cluster) }]);
  for (const { id } of await items.list<ConnectionRow>(`conn#${cluster}`)) await store.identity.clear(`conn#${id}`);
  await items.clear(`conn#${cluster}`);
  const alarms = await store.identity.list('wake');
  for (const { sk } of alarms) {
    if (sk.endsWith(`#${tenant}#${cluster}`)) await store.transact([{ write: store.identity.remove('wake', sk) }]);
  }
  // Again, for who was in the middle of a commit.
  await clearLogs();

  async function clearLogs(): Promise<void> {
    for (const keyspace of ['registry', 'kv']) {
      for (const part of ['snap', 'log', 'chunk', 'lease']) await items.clear(`${part}#${cluster}/${keyspace}`);
    }
  }
}
