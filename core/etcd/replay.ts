import { CompactedError, OutcomeUnknownError } from '../keyspace/errors.ts';
import type { Lease } from '../keyspace/leases.ts';
import type { OpenKeyspace } from '../keyspace/open.ts';
import type { Transaction } from '../keyspace/transaction.ts';
import type { Key, KeyValue, Revision } from '../keyspace/types.ts';
import type { View } from '../keyspace/view.ts';
import { EVERYTHING_PERMITTED, type Permits } from './auth/permits.ts';

/**
 * The answer to a write that was committed before, as revision `revision`: it is run again on the state of before, and nothing of it is
 * written. Throws OutcomeUnknownError if that state was compacted away: the write was made, but what it answered can't be told.
 */
export function replay<T>(keyspace: OpenKeyspace, revision: Revision, evaluate: (txn: Transaction, permits: Permits) => T): T {
  try {
    return evaluate(new Rehearsal(keyspace, Math.max(1, revision - 1)), EVERYTHING_PERMITTED);
  } catch (error) {
    throw error instanceof CompactedError ? new OutcomeUnknownError(error) : error;
  }
}

/** A transaction on an old state, for its answers only. It went well then, so leases and permissions are taken for granted. */
class Rehearsal implements Transaction {
  readonly revision: Revision;
  readonly #keyspace: OpenKeyspace;
  #opened: View | undefined;
  readonly #changed = new Map<Key, KeyValue | undefined>();

  constructor(keyspace: OpenKeyspace, revision: Revision) {
    this.#keyspace = keyspace;
    this.revision = revision;
  }

  /** Opened by who reads keys: what a compaction or a lease's grant answered is known without, also when it was compacted away. */
  get #view(): View {
    return (this.#opened ??= this.#keyspace.at(this.revision));
  }

  get compactRevision(): Revision {
    return this.#keyspace.compactRevision;
  }

  at(revision: Revision): View {
    return this.#keyspace.at(revision);
  }

  get(key: Key): KeyValue | undefined {
    return this.#changed.has(key) ? this.#changed.get(key) : this.#view.get(key);
  }

  *range(from: Key, to: Key): IterableIterator<KeyValue> {
    const keys = new Set([...this.#view.range(from, to)].map(({ key }) => key));
    for (const key of this.#changed.keys()) if (from <= key && key < to) keys.add(key);
    for (const key of [...keys].sort()) {
      const kv = this.get(key);
      if (kv) yield kv;
    }
  }

  count(from: Key, to: Key): number {
    return [...this.range(from, to)].length;
  }

  put(key: Key, value: Uint8Array, lease = 0n): void {
    const before = this.get(key);
    const modRevision = this.revision + 1;
    const createRevision = before?.createRevision ?? modRevision;
    this.#changed.set(key, { key, value, createRevision, modRevision, version: (before?.version ?? 0) + 1, lease });
  }

  delete(key: Key): boolean {
    const existed = this.get(key) !== undefined;
    this.#changed.set(key, undefined);
    return existed;
  }

  lease(id: bigint): Lease | undefined {
    return { id, ttlSeconds: 0, keys: new Set() };
  }

  property(): undefined {}
  setProperty(): void {}
  grant(): void {}
  revoke(): void {}
  compact(): void {}
}
