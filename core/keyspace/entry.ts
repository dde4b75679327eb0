import { ByteReader, ByteWriter } from './bytes.ts';
import { CorruptLogError } from './errors.ts';
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

/** First byte of every entry. A reader refuses formats it doesn't know, rather than to guess. */
const FORMAT = 1;

const TAG = {
  put: 1,
  putLeased: 2,
  putFresh: 3,
  putFreshLeased: 4,
  delete: 5,
  grant: 6,
  revoke: 7,
  compact: 8,
  elsewhere: 9,
  set: 10,
  unset: 11,
} as const;

export function encodeEntry(entry: Entry): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT);
  out.text(entry.writer);
  out.number(entry.batch);
  out.number(entry.time);
  out.number(entry.baseRevision);
  out.number(entry.records.length);
  for (const record of entry.records) encodeRecord(out, record);
  return out.take();
}

/** Throws CorruptLogError if the bytes are not an entry of a known format. */
export function decodeEntry(sequence: Sequence, body: Uint8Array): Entry {
  const input = new ByteReader(body);
  const format = input.byte();
  if (format !== FORMAT) {
    throw new CorruptLogError(
      `entry ${sequence} of the log has format ${format}: this version of Terrane reads ${FORMAT}; update it`,
    );
  }
  return {
    sequence,
    writer: input.text(),
    batch: input.number(),
    time: input.number(),
    baseRevision: input.number(),
    records: Array.from({ length: input.number() }, () => decodeRecord(input)),
  };
}

export function encodeRecord(out: ByteWriter, record: LogRecord): void {
  out.text(record.requestId ?? '');
  out.number(record.operations.length);
  for (const operation of record.operations) encodeOperation(out, operation);
}

export function decodeRecord(input: ByteReader): LogRecord {
  const requestId = input.text() || undefined;
  return { requestId, operations: Array.from({ length: input.number() }, () => decodeOperation(input)) };
}

function encodeOperation(out: ByteWriter, operation: Operation): void {
  switch (operation.type) {
    case 'put': {
      const leased = operation.lease !== 0n;
      if (operation.fresh) out.byte(leased ? TAG.putFreshLeased : TAG.putFresh);
      else out.byte(leased ? TAG.putLeased : TAG.put);
      if (leased) out.int64(operation.lease);
      out.key(operation.key);
      out.bytes(operation.value);
      return;
    }
    case 'delete':
      out.byte(TAG.delete);
      out.key(operation.key);
      return;
    case 'grant':
      out.byte(TAG.grant);
      out.int64(operation.lease);
      out.number(operation.ttlSeconds);
      return;
    case 'revoke':
      out.byte(TAG.revoke);
      out.int64(operation.lease);
      return;
    case 'compact':
      out.byte(TAG.compact);
      out.number(operation.revision);
      return;
    case 'elsewhere':
      out.byte(TAG.elsewhere);
      return;
    case 'set':
      out.byte(operation.value ? TAG.set : TAG.unset);
      out.text(operation.name);
      if (operation.value) out.bytes(operation.value);
  }
}

function decodeOperation(input: ByteReader): Operation {
  const tag = input.byte();
  switch (tag) {
    case TAG.put:
    case TAG.putLeased:
    case TAG.putFresh:
    case TAG.putFreshLeased: {
      const leased = tag === TAG.putLeased || tag === TAG.putFreshLeased;
      const fresh = tag === TAG.putFresh || tag === TAG.putFreshLeased;
      const lease = leased ? input.int64() : 0n;
      return { type: 'put', key: input.key(), value: input.bytes(), lease, fresh };
    }
    case TAG.delete:
      return { type: 'delete', key: input.key() };
    case TAG.grant:
      return { type: 'grant', lease: input.int64(), ttlSeconds: input.number() };
    case TAG.revoke:
      return { type: 'revoke', lease: input.int64() };
    case TAG.compact:
      return { type: 'compact', revision: input.number() };
    case TAG.elsewhere:
      return { type: 'elsewhere' };
    case TAG.set:
      return { type: 'set', name: input.text(), value: input.bytes() };
    case TAG.unset:
      return { type: 'set', name: input.text(), value: undefined };
    default:
      throw new CorruptLogError(`the log holds an operation of unknown kind ${tag}: update Terrane`);
  }
}
