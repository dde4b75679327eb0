import { HeadStaleError } from './errors.ts';
import type { Sequence } from './types.ts';

/** How long an append may rely on a verified head, ms (decision 1: a trimmed slot looks free again). */
export const HEAD_TRUSTED_MS = 60_000;

/** `now` and `verifiedAt`, when the head was known to be that, ms since the epoch. A clock that went back says nothing. */
export function headIsTrusted(now: number, verifiedAt: number): boolean {
  const age = now - verifiedAt;
  return age >= 0 && age <= HEAD_TRUSTED_MS;
}

/** Throws HeadStaleError. */
export function assertHeadTrusted(now: number, verifiedAt: number): void {
  if (!headIsTrusted(now, verifiedAt)) throw new HeadStaleError(now - verifiedAt);
}

/** How long an entry is kept at least, ms, although a snapshot covers it. */
export const RETENTION_MS = 24 * 60 * 60 * 1000;

export interface LogEntry {
  readonly sequence: Sequence;
  /** entry.ts says what is in it. */
  readonly body: Uint8Array;
}

export interface ReadOptions {
  /**
   * Also make sure that `after` itself is still there, so that "nothing follows" can't mean "what followed was trimmed". Needed
   * whenever the head was last verified longer than HEAD_TRUSTED_MS ago.
   */
  readonly verify: boolean;
  /** A hint: the caller thinks that there is something to read, rather than that there isn't. */
  readonly expectNews?: boolean;
}

export interface Tail {
  /** Without gaps. */
  readonly entries: readonly LogEntry[];
  /** The answer was cut for its size: ask again from its end. */
  readonly more: boolean;
}

export type Appended = { readonly won: true } | { readonly won: false; readonly winner: Uint8Array };

export interface StoredSnapshot {
  /** The last entry that it covers. */
  readonly sequence: Sequence;
  /** Throws CorruptLogError if a chunk is damaged or missing, at the latest after the last one: use nothing before. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * The port that feeds a replica: one keyspace's log and snapshots. DynamoDB implements it (store/), hosts do over the API,
 * memory does for tests.
 */
export interface Log {
  /**
   * The entries after `after`; none if `after` was the head at some moment after the call. Linearizable: sees every append
   * acknowledged before the call. Throws TrimmedError if entries after `after` are gone.
   */
  read(after: Sequence, options: ReadOptions): Promise<Tail>;
  /**
   * Puts an entry at its sequence unless one is there: then hands that one back. `headVerifiedAt` (ms since the epoch) is when the
   * entry before it was known to be the head. Throws HeadStaleError if that is too long ago, LogRefusedError if a retry is
   * pointless; nothing was written then. After any other error the entry may have landed, or may land yet.
   */
  append(entry: LogEntry, headVerifiedAt: number): Promise<Appended>;
  loadSnapshot(): Promise<StoredSnapshot | undefined>;
  /** What the newest snapshot covers; 0 = there is none. */
  snapshotSequence(): Promise<Sequence>;
  /** Writes a snapshot, then makes it the newest unless there is a newer one, and trims what it covers (RETENTION_MS). */
  saveSnapshot(sequence: Sequence, chunks: Iterable<Uint8Array>): Promise<void>;
  /** Calls `listener` soon after others appended, if this log can tell. Returns how to stop that. */
  subscribe?(listener: () => void): () => void;
}
