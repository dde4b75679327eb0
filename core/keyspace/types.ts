/**
 * The vocabulary of a keyspace: keys, values, views and transactions.
 * Data model: etcd v3's (https://etcd.io/docs/v3.5/learning/data_model/).
 */

/** A key as a "binary string": one character (0..255) per byte, so that `<` is etcd's unsigned byte order. */
export type Key = string;

/** A keyspace-wide, monotonic number; each transaction that changed something is one revision. The empty keyspace is at 1. */
export type Revision = number;

/** Position of a commit in the log. One entry holds 0..n revisions, so a sequence is not a revision. The empty log is at 0. */
export type Sequence = number;

export interface KeyValue {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** 1 on creation, +1 per change. */
  readonly version: number;
  /** Lease id (int64); 0n = none. */
  readonly lease: bigint;
}

/** A consistent, read-only view at one revision. */
export interface ReadView {
  readonly revision: Revision;
  get(key: Key): KeyValue | undefined;
  /** Ascending, `from <= key < to`. */
  range(from: Key, to: Key): IterableIterator<KeyValue>;
}

/** The view inside a transaction: reads see the transaction's own earlier writes. */
export interface TxnView extends ReadView {
  put(key: Key, value: Uint8Array, lease?: bigint): void;
  /** True if the key existed. */
  delete(key: Key): boolean;
}

/** One change as a watcher sees it. */
export interface ChangeEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: the key, and the deletion's revision as `modRevision`; value empty, version 0. */
  readonly kv: KeyValue;
  readonly prev: KeyValue | undefined;
}

/** All changes of one revision, in the transaction's order. A revision is never split. */
export interface RevisionEvents {
  readonly revision: Revision;
  readonly events: readonly ChangeEvent[];
}

export interface Committed<T> {
  /** The revision of this transaction, or the head it was evaluated at if it changed nothing. */
  readonly revision: Revision;
  readonly result: T;
}

export interface TransactOptions<T = unknown> {
  /**
   * Exactly-once: if an entry with this id is already in the log, it isn't applied again and `duplicate` is called for the
   * result. The newest 16,384 ids are remembered, and all of the last 30 s; a transaction that changed nothing, or was refused, leaves none
   * unless `fence` says so.
   */
  readonly requestId?: string;
  /**
   * It may have been sent before: leave its id in the log whatever comes of it. Else that other one, arriving late, could still change what this
   * one was told to have been left alone. A fenced duplicate throws OutcomeUnknownError.
   */
  readonly fence?: boolean | undefined;
  /** The answer to a request that was committed before, at `revision`. Without it a duplicate throws DuplicateRequestError. */
  readonly duplicate?: (view: ReadView, revision: Revision) => T;
  /** How much it may change, bytes. Default: REQUEST_BYTES_MAX. Whoever asks for more costs everybody memory. */
  readonly bytesMax?: number | undefined;
}

/** A live replica of one log together with its writer. Shared by everyone in a process. */
export interface Keyspace {
  /** The state in memory, without I/O (a serializable read). Immutable view: later commits don't show in it. */
  view(): ReadView;
  /** Returns a view at least as new as every commit that was acknowledged before the call (a linearizable read). */
  sync(): Promise<ReadView>;
  /**
   * Runs `evaluate` on the newest state and commits what it wrote, atomically, as one revision. `evaluate` must be pure: it
   * is run again whenever another writer committed first. If it throws, nothing is written and the error is rethrown. The
   * keyspace keeps the values that it puts: they must not be changed afterwards.
   */
  transact<T>(evaluate: (txn: TxnView) => T, options?: TransactOptions<T>): Promise<Committed<T>>;
  /**
   * Streams the changes of `from <= key < to` whose revision is >= `since`, in order, without gaps, until `signal` aborts.
   * Throws CompactedError if `since` is older than what is kept.
   */
  watch(range: { from: Key; to: Key }, since: Revision, signal: AbortSignal): AsyncIterableIterator<RevisionEvents>;
  close(): Promise<void>;
}
