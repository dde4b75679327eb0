import { Follower } from './follower.ts';
import type { Lease } from './leases.ts';
import type { Log, LogEntry } from './log.ts';
import { RecentEntries } from './recent-entries.ts';
import { Replica } from './replica.ts';
import { encodeNewest } from './snapshot.ts';
import type { KeyspaceState } from './state.ts';
import { stateAt } from './state-at.ts';
import type { Timing } from './timing.ts';
import type { Transaction } from './transaction.ts';
import type { Committed, Keyspace, Revision, RevisionEvents, Sequence, TransactOptions } from './types.ts';
import { Upkeep } from './upkeep.ts';
import type { View } from './view.ts';
import { watchRange } from './watch.ts';
import { Writer } from './writer.ts';

export interface KeyspaceOptions {
  /** Unique among all replicas there ever are of this log: make it from 64 random bits at least. */
  readonly writerId: string;
  readonly timing: Timing;
  /** Snapshots are not written before the log has grown by this much, bytes. Default 512 KB. */
  readonly snapshotAfterBytes?: number;
  /** Compact by itself, keeping at least that many revisions readable. Default: never. */
  readonly keepRevisions?: number;
  /** While somebody watches and the log can't notify: how often to look for what others wrote, ms. Default: never. */
  readonly pollMs?: number;
  /** So many bytes of the newest entries are kept for `recent`. Default 0. */
  readonly recentBytes?: number;
  /** Told of failures in the background, which don't fail anyone's call. */
  readonly onError?: (error: unknown) => void;
  /** False: contend without taking turns. For the benchmark. */
  readonly takeTurns?: boolean;
}

/** Counted since the replica was opened. */
export interface KeyspaceStatistics {
  /** Entries that we appended. */
  readonly commits: number;
  /** Appends that lost to another writer. */
  readonly conflicts: number;
  /** Looks at the log while waiting for our turn. */
  readonly reads: number;
}

export interface KeyspaceCopy {
  readonly sequence: Sequence;
  readonly revision: Revision;
  /** Keys and values, about. */
  readonly bytes: number;
  readonly chunks: Iterable<Uint8Array>;
}

/** What openKeyspace gives: a Keyspace with what the etcd face, upkeep and tests need beyond it. */
export interface OpenKeyspace extends Keyspace {
  view(): View;
  sync(): Promise<View>;
  /** The state at an older revision. Throws CompactedError or FutureRevisionError. */
  at(revision: Revision): View;
  /** What happened at a revision; undefined: there is none such (yet). Throws CompactedError. */
  eventsAt(revision: Revision): RevisionEvents | undefined;
  /** As of the newest state in memory: `sync()` first for a linearizable answer. */
  lease(id: bigint): Lease | undefined;
  leases(): readonly Lease[];
  /** Of the keyspace itself, beside its keys; as of the newest state in memory. The same value is the same object. */
  property(name: string): Uint8Array | undefined;
  transact<T>(evaluate: (txn: Transaction) => T, options?: TransactOptions<T>): Promise<Committed<T>>;
  /** The oldest revision that can be read; 0 = never compacted. */
  readonly compactRevision: Revision;
  /** About how much memory the replica takes. */
  readonly bytes: number;
  readonly watchers: number;
  readonly statistics: KeyspaceStatistics;
  /** Why it can't be used any more: damage found, or closed. Open it anew then. */
  readonly failure: Error | undefined;
  /** The log's entries after a sequence, as far as they are still in memory; undefined: read them from the log. */
  recent(after: Sequence): readonly LogEntry[] | undefined;
  /** The newest keys, leases and properties as chunks (snapshot.ts), as of now. */
  copy(): KeyspaceCopy;
  /**
   * The state as it was after a commit of the past. `base`: a copy of this keyspace from before, if the log's own beginning is gone.
   * Throws TrimmedError if what is needed is too old, FutureRevisionError if there was no such commit yet.
   */
  stateAt(sequence: Sequence, base?: KeyspaceState): Promise<KeyspaceState>;
  /** Writes a snapshot now. */
  snapshot(): Promise<void>;
  /** Resolves when nothing goes on in the background: for who is about to be frozen. */
  settled(): Promise<void>;
}

/** Opens a replica of the log, current as of now, together with its writer. */
export async function openKeyspace(log: Log, options: KeyspaceOptions): Promise<OpenKeyspace> {
  const replica = new Replica(log, options.timing);
  await replica.open();
  return assembleKeyspace(log, replica, options);
}

/** The parts of a keyspace around a replica that is open, or whose log is known to be empty. */
export function assembleKeyspace(log: Log, replica: Replica, options: KeyspaceOptions): OpenKeyspace {
  const { timing, writerId: id, onError = () => {} } = options;
  const writer = new Writer({ log, replica, timing, id, takeTurns: options.takeTurns ?? true });
  const { snapshotAfterBytes = 512_000, keepRevisions } = options;
  const upkeep = new Upkeep({ log, replica, writer, snapshotAfterBytes, keepRevisions, onError });
  const recent = options.recentBytes ? new RecentEntries(replica, options.recentBytes) : undefined;
  const follower = new Follower(log, replica, options.pollMs, timing, onError);

  return {
    get compactRevision() {
      return replica.state.compactRevision;
    },
    get bytes() {
      return replica.state.bytes;
    },
    get watchers() {
      return follower.count;
    },
    get statistics() {
      return { ...writer.statistics };
    },
    get failure() {
      return replica.failure;
    },
    view: () => replica.state.view(),
    at: (revision) => replica.state.at(revision),
    eventsAt: (revision) => replica.state.eventsAt(revision),
    lease: (id) => replica.state.leases.get(id),
    leases: () => replica.state.leases.all(),
    property: (name) => replica.state.properties.get(name),
    async sync() {
      await replica.sync();
      return replica.state.view();
    },
    async transact(evaluate, txnOptions) {
      const committed = await writer.submit(evaluate, txnOptions);
      upkeep.consider();
      return committed;
    },
    async *watch(range, since, signal) {
      const leave = follower.join();
      try {
        yield* watchRange(replica, range, since, signal);
      } finally {
        leave();
      }
    },
    recent: (after) => recent?.after(after),
    copy() {
      const { state } = replica;
      return { sequence: state.sequence, revision: state.revision, bytes: state.contentBytes, chunks: encodeNewest(state) };
    },
    stateAt: (sequence, base) => stateAt(log, sequence, base),
    snapshot: () => upkeep.snapshot(),
    settled: () => upkeep.settled(),
    async close() {
      follower.stop();
      replica.close();
      await upkeep.settled();
    },
  };
}
