import type { LogRecord, Operation } from './entry.ts';
import { CompactedError, FutureRevisionError, LeaseExistsError, LeaseNotFoundError, RequestTooLargeError } from './errors.ts';
import type { Lease } from './leases.ts';
import { keptAlone } from './own-memory.ts';
import type { SortedMap } from './sorted-map.ts';
import type { KeyspaceState } from './state.ts';
import type { Transaction } from './transaction.ts';
import type { Key, KeyValue, Revision } from './types.ts';
import { Version } from './version.ts';
import type { View } from './view.ts';

/** etcd's default --max-request-bytes. */
export const REQUEST_BYTES_MAX = 1_500_000;

/** What one transaction may delete, by the keys' bytes: a small request names a range of many. */
const DELETED_BYTES_MAX = 64_000_000;

/** Counted for each operation beside its key and value. */
const OPERATION_BYTES = 16;

/** How one transaction ended on this fork. It only counts if the fork's records win their place in the log. */
export type Outcome<T> =
  | { readonly ok: true; readonly revision: Revision; readonly result: T; readonly wrote: boolean }
  | { readonly ok: false; readonly error: unknown; readonly wrote: boolean };

export interface ForkOptions {
  readonly requestId?: string | undefined;
  readonly bytesMax?: number | undefined;
  readonly fence?: boolean | undefined;
}

/**
 * A what-if on top of a state: transactions are run on it one after the other, each sees what those before it wrote, and what
 * they wrote is collected as records for one entry. The state itself isn't touched: a fork that lost the race is dropped.
 */
export class Fork {
  readonly #state: KeyspaceState;
  /** Keys that differ from the state; undefined = deleted. */
  readonly #changed = new Map<Key, Version | undefined>();
  readonly #leases = new Map<bigint, Lease | undefined>();
  readonly #properties = new Map<string, Uint8Array | undefined>();
  readonly #requests = new Set<string>();
  /** The keys in order: made when a range is first asked for, and brought up to date with `#behind` when asked again. */
  #ordered: SortedMap<Version> | undefined;
  readonly #behind = new Set<Key>();
  #revision: Revision;
  #bytes = 0;
  readonly records: LogRecord[] = [];

  constructor(state: KeyspaceState) {
    this.#state = state;
    this.#revision = state.revision;
  }

  get revision(): Revision {
    return this.#revision;
  }

  /** About the size of the records. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a transaction with that request id wrote something on this fork. */
  has(requestId: string): boolean {
    return this.#requests.has(requestId);
  }

  /**
   * Runs a transaction. If it throws, or changes too much, the fork is as before. `fence`: the id is written also if there is nothing else
   * to write.
   */
  run<T>(
    evaluate: (txn: Transaction) => T,
    { requestId, bytesMax = REQUEST_BYTES_MAX, fence = false }: ForkOptions = {},
  ): Outcome<T> {
    const draft = new Draft(this, this.#state);
    try {
      const result = evaluate(draft);
      const { operations, bytes, deletedBytes } = draft.finish();
      if (bytes - deletedBytes > bytesMax) throw new RequestTooLargeError(bytes - deletedBytes, bytesMax);
      if (deletedBytes > DELETED_BYTES_MAX) throw new RequestTooLargeError(deletedBytes, DELETED_BYTES_MAX);
      if (operations.length === 0) return { ok: true, revision: this.#revision, result, wrote: this.#fence(requestId, fence) };
      this.records.push({ requestId, operations });
      this.#bytes += bytes;
      if (operations.some(({ type }) => type === 'put' || type === 'delete')) this.#revision++;
      if (requestId !== undefined) this.#requests.add(requestId);
      return { ok: true, revision: this.#revision, result, wrote: true };
    } catch (error) {
      draft.undo();
      return { ok: false, error, wrote: this.#fence(requestId, fence) };
    }
  }

  #fence(requestId: string | undefined, fence: boolean): boolean {
    if (!fence || requestId === undefined) return false;
    this.records.push({ requestId, operations: [] });
    this.#bytes += requestId.length;
    this.#requests.add(requestId);
    return true;
  }

  get(key: Key): Version | undefined {
    return this.#changed.has(key) ? this.#changed.get(key) : this.#state.get(key);
  }

  set(key: Key, version: Version | undefined): void {
    this.#changed.set(key, version);
    this.#behind.add(key);
  }

  ordered(): SortedMap<Version> {
    this.#ordered ??= this.#state.copyLive();
    for (const key of this.#behind) {
      const version = this.get(key);
      if (version) this.#ordered.set(key, version);
      else this.#ordered.delete(key);
    }
    this.#behind.clear();
    return this.#ordered;
  }

  lease(id: bigint): Lease | undefined {
    return this.#leases.has(id) ? this.#leases.get(id) : this.#state.leases.get(id);
  }

  setLease(id: bigint, lease: Lease | undefined): void {
    this.#leases.set(id, lease);
  }

  property(name: string): Uint8Array | undefined {
    return this.#properties.has(name) ? this.#properties.get(name) : this.#state.properties.get(name);
  }

  setProperty(name: string, value: Uint8Array | undefined): void {
    this.#properties.set(name, value);
  }

  /** Keys that hold a lease, those changed on the fork included. */
  keysOf(lease: Lease): Key[] {
    const candidates = new Set(lease.keys);
    for (const [key, version] of this.#changed) if (version?.lease === lease.id) candidates.add(key);
    return [...candidates].filter((key) => this.get(key)?.lease === lease.id).sort();
  }
}

/** The view inside one transaction. */
class Draft implements Transaction {
  readonly revision: Revision;
  readonly #fork: Fork;
  readonly #state: KeyspaceState;
  /** What each key touched was before, in the order of the first touch. */
  readonly #before = new Map<Key, Version | undefined>();
  #leasesBefore: Map<bigint, Lease | undefined> | undefined;
  #propertiesBefore: Map<string, Uint8Array | undefined> | undefined;
  readonly #others: Operation[] = [];
  #othersBytes = 0;
  #finished = false;

  constructor(fork: Fork, state: KeyspaceState) {
    this.revision = fork.revision;
    this.#fork = fork;
    this.#state = state;
  }

  get(key: Key): KeyValue | undefined {
    return this.#fork.get(key);
  }

  range(from: Key, to: Key): IterableIterator<KeyValue> {
    return this.#fork.ordered().range(from, to);
  }

  count(from: Key, to: Key): number {
    return this.#fork.ordered().count(from, to);
  }

  get compactRevision(): Revision {
    return this.#state.compactRevision;
  }

  /**
   * Revisions of this batch that aren't in the log yet are still in the future: nobody was told of them, and a refusal counts only
   * if the state turns out to have been the newest.
   */
  at(revision: Revision): View {
    return this.#state.at(revision);
  }

  put(key: Key, value: Uint8Array, lease = 0n): void {
    this.#assertOpen();
    assertKey(key);
    if (lease !== 0n && !this.#fork.lease(lease)) throw new LeaseNotFoundError();
    const current = this.#fork.get(key);
    const revision = this.revision + 1;
    const again = current?.modRevision === revision && this.#before.has(key);
    const version = current ? current.version + (again ? 0 : 1) : 1;
    this.#touch(key, current);
    const createRevision = current?.createRevision ?? revision;
    this.#fork.set(key, new Version(key, keptAlone(value), createRevision, revision, version, lease, undefined));
  }

  delete(key: Key): boolean {
    this.#assertOpen();
    const current = this.#fork.get(key);
    if (!current) return false;
    this.#touch(key, current);
    this.#fork.set(key, undefined);
    return true;
  }

  lease(id: bigint): Lease | undefined {
    return this.#fork.lease(id);
  }

  grant(id: bigint, ttlSeconds: number): void {
    this.#assertOpen();
    if (this.#fork.lease(id)) throw new LeaseExistsError();
    this.#setLease(id, { id, ttlSeconds, keys: new Set() });
    this.#others.push({ type: 'grant', lease: id, ttlSeconds });
  }

  revoke(id: bigint): void {
    this.#assertOpen();
    const lease = this.#fork.lease(id);
    if (!lease) throw new LeaseNotFoundError();
    for (const key of this.#fork.keysOf(lease)) this.delete(key);
    this.#setLease(id, undefined);
    this.#others.push({ type: 'revoke', lease: id });
  }

  compact(revision: Revision): void {
    this.#assertOpen();
    if (revision > this.revision) throw new FutureRevisionError(revision, this.revision);
    if (revision <= this.#state.compactRevision) throw new CompactedError(this.#state.compactRevision);
    this.#others.push({ type: 'compact', revision });
  }

  property(name: string): Uint8Array | undefined {
    return this.#fork.property(name);
  }

  setProperty(name: string, value: Uint8Array | undefined): void {
    this.#assertOpen();
    this.#propertiesBefore ??= new Map();
    if (!this.#propertiesBefore.has(name)) this.#propertiesBefore.set(name, this.#fork.property(name));
    this.#fork.setProperty(name, value);
    this.#others.push({ type: 'set', name, value });
    this.#othersBytes += name.length + (value?.length ?? 0);
  }

  /** Ends the transaction: what it changed in effect, in the order of the first touch of each key. */
  finish(): { operations: Operation[]; bytes: number; deletedBytes: number } {
    this.#finished = true;
    const operations = [...this.#others];
    let bytes = operations.length * OPERATION_BYTES + this.#othersBytes;
    let deletedBytes = 0;
    for (const [key, before] of this.#before) {
      const after = this.#fork.get(key);
      if (!after && !before) continue;
      if (!after) deletedBytes += key.length + OPERATION_BYTES;
      bytes += key.length + OPERATION_BYTES + (after?.value.length ?? 0);
      if (after) operations.push({ type: 'put', key, value: after.value, lease: after.lease, fresh: after.version === 1 });
      else operations.push({ type: 'delete', key });
    }
    return { operations, bytes, deletedBytes };
  }

  undo(): void {
    this.#finished = true;
    for (const [key, before] of this.#before) this.#fork.set(key, before);
    for (const [id, before] of this.#leasesBefore ?? []) this.#fork.setLease(id, before);
    for (const [name, before] of this.#propertiesBefore ?? []) this.#fork.setProperty(name, before);
  }

  #touch(key: Key, current: Version | undefined): void {
    if (!this.#before.has(key)) this.#before.set(key, current);
  }

  #setLease(id: bigint, lease: Lease | undefined): void {
    this.#leasesBefore ??= new Map();
    if (!this.#leasesBefore.has(id)) this.#leasesBefore.set(id, this.#fork.lease(id));
    this.#fork.setLease(id, lease);
  }

  #assertOpen(): void {
    if (this.#finished)
      throw new Error('this transaction is over: its function must do all its changes before it returns, without await');
  }
}

/** Keys are binary strings; text with other characters must be encoded to bytes first. */
function assertKey(key: Key): void {
  if (key === '') throw new RangeError('key is not provided');
  for (let index = 0; index < key.length; index++) {
    if (key.charCodeAt(index) > 0xff) {
      throw new RangeError(`key ${JSON.stringify(key)} has a character above 255: encode it to bytes first`);
    }
  }
}
