import type { Entry, LogRecord, Operation } from './entry.ts';
import { CompactedError, CorruptLogError, FutureRevisionError } from './errors.ts';
import { History } from './history.ts';
import { Leases } from './leases.ts';
import { FENCED, RecentRequests } from './recent-requests.ts';
import { SortedMap } from './sorted-map.ts';
import type { Key, Revision, RevisionEvents, Sequence } from './types.ts';
import { Version } from './version.ts';
import { HeadView, HistoricView, type View } from './view.ts';

const FIRST_REVISION = 1;

/** What a version occupies in memory beside its key and value, about: the object, its place in tree, index and history. */
const OVERHEAD_BYTES = 400;

/** Where a replica starts: empty, or what a snapshot holds. */
export interface StateStart {
  readonly sequence: Sequence;
  /** The revision that the replica has before anything else is applied. */
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** Of which keys the replica keeps anything; of the others it only counts the revisions. Default: all. */
  readonly keep?: KeepKeys | undefined;
  /** It is only read: nobody will ask whether a request was carried out, so their ids aren't remembered. */
  readonly readOnly?: boolean | undefined;
}

export type KeepKeys = (key: Key) => boolean;

/**
 * The replica's state machine: applies entries of the log in order, and answers reads at every revision since the last
 * compaction. No I/O, no clock, no chance: the same entries give the same state everywhere.
 */
export class KeyspaceState {
  #sequence: Sequence;
  #revision: Revision;
  #compactRevision: Revision;
  #contentBytes = 0;
  #versions = 0;
  /** The keys that exist, in order; and the same by hash, because finding one key that way is 50 times cheaper. */
  readonly #live = new SortedMap<Version>();
  readonly #index = new Map<Key, Version>();
  /** The deletion of each key that doesn't exist now, but did since the last compaction. */
  readonly #dead = new SortedMap<Version>();
  readonly history: History;
  readonly leases = new Leases();
  readonly requests = new RecentRequests();
  readonly #keep: KeepKeys | undefined;
  readonly #readOnly: boolean;
  /** Of the keyspace itself, by name: what goes with the keys, but isn't one. */
  readonly properties = new Map<string, Uint8Array>();
  #view: HeadView | undefined;

  constructor(start: StateStart = { sequence: 0, revision: FIRST_REVISION, compactRevision: 0 }) {
    this.#sequence = start.sequence;
    this.#revision = start.revision;
    this.#compactRevision = start.compactRevision;
    this.#keep = start.keep;
    this.#readOnly = start.readOnly ?? false;
    this.history = new History(start.revision + 1);
  }

  /** Of the last entry applied. */
  get sequence(): Sequence {
    return this.#sequence;
  }

  get revision(): Revision {
    return this.#revision;
  }

  /** The oldest revision that can be read; 0 = never compacted. */
  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  /** Keys and values of all versions kept: about what a snapshot takes. */
  get contentBytes(): number {
    return this.#contentBytes;
  }

  /** About how much memory the state takes. */
  get bytes(): number {
    return this.#contentBytes + this.#versions * OVERHEAD_BYTES;
  }

  /** The newest version of a key, if it exists. */
  get(key: Key): Version | undefined {
    return this.#index.get(key);
  }

  /** The keys that exist now, as a map of the caller's own. */
  copyLive(): SortedMap<Version> {
    return this.#live.copy();
  }

  /** The newest state, for good: what is applied later doesn't show in it. */
  view(): View {
    this.#view ??= new HeadView(this, this.#live.copy());
    return this.#view;
  }

  /** The state as it was at `revision`. It can be read until that revision is compacted. */
  at(revision: Revision): View {
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision);
    if (revision < this.#compactRevision) throw new CompactedError(this.#compactRevision);
    if (revision === this.#revision) return this.view();
    return new HistoricView(this, revision, this.#live.copy(), this.#dead.copy());
  }

  /** What happened at a revision; undefined: there is none such (yet). Throws CompactedError. */
  eventsAt(revision: Revision): RevisionEvents | undefined {
    if (revision < this.#compactRevision) throw new CompactedError(this.#compactRevision);
    return this.history.at(revision);
  }

  /** Applies the next entry of the log. Throws CorruptLogError if it doesn't fit: the state must not be used any more then. */
  apply(entry: Entry): void {
    if (entry.sequence !== this.#sequence + 1) {
      throw new CorruptLogError(`entry ${entry.sequence} of the log can not follow entry ${this.#sequence}`);
    }
    if (entry.baseRevision !== this.#revision) {
      throw new CorruptLogError(
        `entry ${entry.sequence} of the log was written at revision ${entry.baseRevision}, but the entries before it lead to ${this.#revision}`,
      );
    }
    for (const record of entry.records) this.applyRecord(record, entry.time);
    this.#sequence = entry.sequence;
  }

  /** One transaction, `time`: of its entry. Of use alone only to whoever loads a snapshot. */
  applyRecord(record: LogRecord, time?: number): void {
    const revision = this.#revision + 1;
    const versions: Version[] = [];
    let elsewhere = false;
    for (const operation of record.operations) {
      if (this.#isElsewhere(operation)) elsewhere = true;
      else this.#applyOperation(operation, revision, versions);
    }
    if (versions.length > 0 || elsewhere) {
      this.history.add(versions);
      this.#revision = revision;
      this.#view = undefined;
    }
    if (record.requestId === undefined || this.#readOnly) return;
    this.requests.add(record.requestId, record.operations.length > 0 ? this.#revision : FENCED, time);
  }

  /**
   * Forgets the oldest of the past, as a compaction of the log does but in this replica only, until the state takes no more than `bytes` or only
   * the newest `revisions` are left of it.
   */
  forgetOldest({ bytes, revisions }: { readonly bytes: number; readonly revisions: number }): void {
    const last = this.#revision - revisions;
    while (this.bytes > bytes && this.#compactRevision < last) {
      this.#compact(this.#compactRevision + 1);
    }
  }

  keeps(key: Key): boolean {
    return this.#keep?.(key) ?? true;
  }

  /** Puts a version in place as it is: for loading a snapshot. */
  restore(version: Version): void {
    if (!this.keeps(version.key)) return;
    this.#live.set(version.key, version);
    this.#index.set(version.key, version);
    this.leases.attach(version.lease, version.key);
    this.#count(version, 1);
  }

  #isElsewhere(operation: Operation): boolean {
    if (operation.type === 'put' || operation.type === 'delete') return !this.keeps(operation.key);
    return operation.type === 'elsewhere';
  }

  #applyOperation(operation: Operation, revision: Revision, versions: Version[]): void {
    switch (operation.type) {
      case 'put':
        versions.push(this.#put(operation, revision));
        return;
      case 'delete':
        versions.push(this.#delete(operation.key, revision));
        return;
      case 'grant':
        this.leases.grant(operation.lease, operation.ttlSeconds);
        return;
      case 'revoke':
        this.leases.revoke(operation.lease);
        return;
      case 'compact':
        this.#compact(Math.min(operation.revision, this.#revision));
        return;
      case 'elsewhere':
        return;
      case 'set':
        if (operation.value) this.properties.set(operation.name, operation.value);
        else this.properties.delete(operation.name);
    }
  }

  #put({ key, value, lease, fresh }: Operation & { type: 'put' }, revision: Revision): Version {
    const prev = this.#index.get(key);
    if (!prev && !fresh) throw new CorruptLogError(`revision ${revision} changes a key that does not exist`);
    const kv = fresh
      ? new Version(key, value, revision, revision, 1, lease, prev ?? this.#dead.delete(key))
      : // The same characters, so one string is kept of them.
        new Version(prev!.key, value, prev!.createRevision, revision, prev!.version + 1, lease, prev);
    if (prev) this.leases.detach(prev.lease, key);
    this.leases.attach(lease, key);
    this.#live.set(kv.key, kv);
    this.#index.set(kv.key, kv);
    this.#count(kv, 1);
    return kv;
  }

  #delete(key: Key, revision: Revision): Version {
    const prev = this.#live.delete(key);
    if (!prev) throw new CorruptLogError(`revision ${revision} deletes a key that does not exist`);
    const kv = Version.deletion(key, revision, prev);
    this.#index.delete(key);
    this.#dead.set(key, kv);
    this.leases.detach(prev.lease, key);
    this.#count(kv, 1);
    return kv;
  }

  #compact(revision: Revision): void {
    if (revision <= this.#compactRevision) return;
    this.#compactRevision = revision;
    this.history.dropBefore(revision, (kv) => {
      Version.forgetOlder(kv, (older) => this.#count(older, -1));
      if (kv.version === 0 && this.#dead.get(kv.key) === kv) {
        this.#dead.delete(kv.key);
        this.#count(kv, -1);
      }
    });
  }

  #count(version: Version, sign: 1 | -1): void {
    this.#contentBytes += sign * version.bytes;
    this.#versions += sign;
  }
}
