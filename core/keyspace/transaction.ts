import type { Lease } from './leases.ts';
import type { Key, Revision, TxnView } from './types.ts';
import type { View } from './view.ts';

/** What a transaction may do beyond TxnView: counts, older revisions, leases and compaction, for the etcd face. */
export interface Transaction extends TxnView {
  /** How many keys there are in `from <= key < to`, without visiting them. */
  count(from: Key, to: Key): number;
  /** The oldest revision that can be read; 0 = never compacted. */
  readonly compactRevision: Revision;
  /** The state at a revision that was committed before the transaction. Throws CompactedError or FutureRevisionError. */
  at(revision: Revision): View;
  lease(id: bigint): Lease | undefined;
  /** Of the keyspace itself. */
  property(name: string): Uint8Array | undefined;
  /** Undefined takes it away. It is no revision. */
  setProperty(name: string, value: Uint8Array | undefined): void;
  /** Throws LeaseExistsError. */
  grant(id: bigint, ttlSeconds: number): void;
  /** Deletes the lease and its keys, as one revision. Throws LeaseNotFoundError. */
  revoke(id: bigint): void;
  /** Forgets what was superseded at or before `revision`. Throws CompactedError or FutureRevisionError. */
  compact(revision: number): void;
}
