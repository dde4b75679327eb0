import { ByteReader } from './bytes.ts';
import { decodeEntry1, encodeEntry1, FORMAT_1 } from './entry-format-1.ts';
import { decodeEntry2, encodeEntry2, FORMAT_2 } from './entry-format-2.ts';
import { CorruptLogError } from './errors.ts';
import type { LogEntry } from './log.ts';
import type { Key, Revision, Sequence } from './types.ts';

/**
 * A commit: what one writer appended with one put. It carries a batch of transactions (group commit). Operations are results,
 * not requests: whoever applies an entry has nothing left to decide.
 */
export interface Entry {
  readonly sequence: Sequence;
  /** Unique per replica. Says whose turn it was (turns.ts). */
  readonly writer: string;
  /** Counts the writer's batches: (writer, batch) tells a writer its own entry when a put's answer got lost. */
  readonly batch: number;
  /** The writer's clock, ms since the epoch. It decides only for how long request ids are remembered. */
  readonly time: number;
  /** The revision before the entry: a check that reader and writer agree. */
  readonly baseRevision: Revision;
  readonly records: readonly LogRecord[];
}

/** One transaction. It is a revision of its own if it puts or deletes anything; without operations it fences its request's id. */
export interface LogRecord {
  readonly requestId: string | undefined;
  readonly operations: readonly Operation[];
}

export type Operation =
  | {
      readonly type: 'put';
      readonly key: Key;
      readonly value: Uint8Array;
      readonly lease: bigint;
      /** The key did not exist, or was deleted earlier in the transaction: version 1, a new createRevision. */
      readonly fresh: boolean;
    }
  | { readonly type: 'delete'; readonly key: Key }
  | { readonly type: 'grant'; readonly lease: bigint; readonly ttlSeconds: number }
  /** The deletes of the lease's keys are operations of the same record. */
  | { readonly type: 'revoke'; readonly lease: bigint }
  /** Versions superseded at or before `revision` are forgotten. */
  | { readonly type: 'compact'; readonly revision: Revision }
  /** Changes to keys that a partial replica doesn't keep: a revision without events. Never in a log, only in its own snapshots. */
  | { readonly type: 'elsewhere' }
  /** A property of the keyspace itself, beside its keys and without a revision; undefined: taken away. */
  | { readonly type: 'set'; readonly name: string; readonly value: Uint8Array | undefined };

/** The newest format that this version reads and writes. The first byte of every entry says its format. */
export const ENTRY_FORMAT = FORMAT_2;

export function encodeEntry(entry: Entry): Uint8Array {
  return encodeEntry2(entry);
}

/** Throws CorruptLogError if the bytes are not an entry of a known format. A reader refuses formats it doesn't know, rather than to guess. */
export function decodeEntry(sequence: Sequence, body: Uint8Array): Entry {
  const input = new ByteReader(body);
  const format = input.byte();
  if (format === FORMAT_2) return decodeEntry2(sequence, body, input);
  if (format === FORMAT_1) return decodeEntry1(sequence, input);
  throw new CorruptLogError(
    `entry ${sequence} of the log has format ${format}: this version of Terrane reads ${FORMAT_1} to ${ENTRY_FORMAT}; update it`,
  );
}

/** Every reader there is reads it. */
export function isOldest(body: Uint8Array): boolean {
  return body[0] === FORMAT_1;
}

/** The entry in a format that its reader knows: `reads` is the newest such. */
export function entryFor(reads: number, entry: LogEntry): LogEntry {
  const { sequence, body } = entry;
  if (reads >= FORMAT_2 || isOldest(body)) return entry;
  return { sequence, body: encodeEntry1(decodeEntry(sequence, body)) };
}
