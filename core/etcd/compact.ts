import type { Transaction } from '../keyspace/transaction.ts';
import type { Revision } from '../keyspace/types.ts';

/** Forgets what was superseded at or before `revision`. Throws CompactedError or FutureRevisionError. Returns the store's revision. */
export function compact(txn: Transaction, revision: Revision): Revision {
  // Nothing to forget, but no error either: etcd's clients do so on an empty store.
  if (revision === 0 && txn.compactRevision === 0) return txn.revision;
  txn.compact(revision);
  return txn.revision;
}
