import type { Lease } from './leases.ts';
import type { TxnView } from './types.ts';

/** What a transaction may do beyond TxnView: leases and compaction, for the etcd face. */
export interface Transaction extends TxnView {
  lease(id: bigint): Lease | undefined;
  /** Throws LeaseExistsError. */
  grant(id: bigint, ttlSeconds: number): void;
  /** Deletes the lease and its keys, as one revision. Throws LeaseNotFoundError. */
  revoke(id: bigint): void;
  /** Forgets what was superseded at or before `revision`. Throws CompactedError or FutureRevisionError. */
  compact(revision: number): void;
}
