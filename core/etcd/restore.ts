import { CorruptLogError } from '../keyspace/errors.ts';
import { AFTER_ALL_KEYS } from '../keyspace/keys.ts';
import type { Lease } from '../keyspace/leases.ts';
import type { OpenKeyspace } from '../keyspace/open.ts';
import type { KeyspaceState } from '../keyspace/state.ts';
import type { Transaction } from '../keyspace/transaction.ts';
import type { Revision, Sequence } from '../keyspace/types.ts';
import { ALARMS_PROPERTY } from './alarms.ts';
import { AUTH_PROPERTY } from './auth/auth-state.ts';
import { decodeSnapshotFile } from './snapshot-format.ts';

/** What one restore may put, bytes: it is one entry of the log. */
export const RESTORE_BYTES_MAX = 256_000_000;

/** What to restore: a file of `snapshot save`, or the log's own past, or the past that followed a file (point in time). */
export interface RestoreSource {
  readonly file?: AsyncIterable<Uint8Array> | undefined;
  /** After that commit of the log. Entries are kept for a day at least: docs/etcd-snapshot.md. */
  readonly sequence?: Sequence | undefined;
}

export interface Restored {
  readonly revision: Revision;
  readonly keys: number;
  /** The log's commit before: by it the restore can be undone. */
  readonly before: Sequence;
}

/**
 * Makes a store's keys, leases, users and roles what they were, as one revision. Revisions go on from where they are, so that watches and
 * caches see a change like any other; what is the same stays untouched. Throws RequestTooLargeError.
 */
export async function restore(keyspace: OpenKeyspace, { file, sequence }: RestoreSource): Promise<Restored> {
  const base = file && (await decodeSnapshotFile(file));
  await keyspace.sync();
  const before = keyspace.copy().sequence;
  const state = sequence === undefined ? base : await keyspace.stateAt(sequence, base);
  if (!state) throw new CorruptLogError('there is nothing to restore: send a snapshot, or say after which commit');
  const { revision } = await keyspace.transact((txn) => replaceAll(txn, state, keyspace.leases()), {
    bytesMax: RESTORE_BYTES_MAX,
  });
  return { revision, keys: state.view().count('', AFTER_ALL_KEYS), before };
}

function replaceAll(txn: Transaction, state: KeyspaceState, known: readonly Lease[]): void {
  for (const { id } of known) if (txn.lease(id) && !state.leases.get(id)) txn.revoke(id);
  for (const { id, ttlSeconds } of state.leases.all()) if (!txn.lease(id)) txn.grant(id, ttlSeconds);
  replaceKeys(txn, state);
  for (const name of PROPERTIES) {
    const value = state.properties.get(name);
    if (value ? !isSame(txn.property(name), value) : txn.property(name)) txn.setProperty(name, value);
  }
}

const PROPERTIES = [AUTH_PROPERTY, ALARMS_PROPERTY];

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
