import { AFTER_ALL_KEYS } from '../keyspace/keys.ts';
import type { OpenKeyspace } from '../keyspace/open.ts';
import type { KeyspaceState } from '../keyspace/state.ts';
import type { Transaction } from '../keyspace/transaction.ts';
import type { Revision } from '../keyspace/types.ts';

/** What one restore may put, bytes: it is one entry of the log. */
export const RESTORE_BYTES_MAX = 256_000_000;

/**
 * Makes a store's keys, leases, users and roles those of `state`, as one revision. Revisions go on from where they are, so that watches
 * and caches see a change like any other; what is the same stays untouched. Throws RequestTooLargeError.
 */
export async function restore(keyspace: OpenKeyspace, state: KeyspaceState): Promise<Revision> {
  const bytesMax = RESTORE_BYTES_MAX;
  const known = keyspace.leases().map(({ id }) => id);
  const names = [...state.properties.keys()];
  const { revision } = await keyspace.transact(
    (txn) => {
      for (const id of known) if (txn.lease(id) && !state.leases.get(id)) txn.revoke(id);
      for (const { id, ttlSeconds } of state.leases.all()) if (!txn.lease(id)) txn.grant(id, ttlSeconds);
      replaceKeys(txn, state);
      for (const name of PROPERTIES) if (txn.property(name) && !names.includes(name)) txn.setProperty(name, undefined);
      for (const [name, value] of state.properties) if (!isSame(txn.property(name), value)) txn.setProperty(name, value);
    },
    { bytesMax },
  );
  return revision;
}

/** Those there are: a store that never had one of them must end without it. */
const PROPERTIES = ['auth', 'alarms'];

function replaceKeys(txn: Transaction, state: KeyspaceState): void {
  const wanted = state.view();
  const gone: string[] = [];
  for (const { key } of txn.range('', AFTER_ALL_KEYS)) if (!wanted.get(key)) gone.push(key);
  for (const key of gone) txn.delete(key);
  for (const { key, value, lease } of wanted.range('', AFTER_ALL_KEYS)) {
    const now = txn.get(key);
    if (now?.lease === lease && isSame(now.value, value)) continue;
    txn.put(key, value, lease);
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}
