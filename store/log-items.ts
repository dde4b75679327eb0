import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { valuesAt } from '../core/keyspace/entry-format-2.ts';
import { CorruptLogError, TrimmedError } from '../core/keyspace/errors.ts';
import type { LogEntry } from '../core/keyspace/log.ts';
import type { Sequence } from '../core/keyspace/types.ts';
import { type LogKeys, partKey, sequenceKey } from './log-keys.ts';
import { pack, unpack } from './packed.ts';
import type { Table } from './table.ts';

/** An item of 400 KB at most, attribute names and keys included. */
const PART_BYTES_MAX = 390_000;

export type Item = Record<string, AttributeValue>;

/** An entry as items: one, or if its body is long one that refers to parts which must be written before. */
export interface EntryItems {
  readonly entry: Item;
  readonly parts: readonly Item[];
}

/** `at`: ms since the epoch; the entry's age counts from there. The same body makes the same items, so that it can be put again. */
export function entryItems(
  keys: LogKeys,
  { sequence, body }: LogEntry,
  at: number,
  packing: { quickly?: boolean } = {},
): EntryItems {
  const packed = pack(body, { ...packing, head: valuesAt(body) });
  const entry: Item = { pk: { S: keys.log }, sk: { S: sequenceKey(sequence) }, at: { N: String(at) } };
  if (packed.length <= PART_BYTES_MAX) return { entry: { ...entry, b: { B: packed } }, parts: [] };
  const id = createHash('sha256').update(packed).digest('base64url').slice(0, 16);
  const parts = split(packed).map(
    (part, index): Item => ({
      pk: { S: keys.chunks },
      sk: { S: partKey(sequence, id, index) },
      at: { N: String(at) },
      b: { B: part },
    }),
  );
  return { entry: { ...entry, id: { S: id }, n: { N: String(parts.length) } }, parts };
}

export function split(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += PART_BYTES_MAX) parts.push(bytes.subarray(from, from + PART_BYTES_MAX));
  return parts;
}

export function sequenceOf(item: Item): Sequence {
  return Number(item['sk']?.S);
}

/** The entry in an item, its parts fetched. Throws CorruptLogError, or TrimmedError if it was deleted meanwhile. */
export async function readEntry(table: Table, keys: LogKeys, item: Item): Promise<LogEntry> {
  const sequence = sequenceOf(item);
  const what = `entry ${sequence} of the log ${keys.log}`;
  const whole = item['b']?.B;
  if (whole) return { sequence, body: unpack(whole, what) };
  const id = item['id']?.S;
  const count = Number(item['n']?.N);
  if (!id || !(count > 0)) throw new CorruptLogError(`${what} has no body. Restore the store from a backup`);
  const parts = await Promise.all(
    Array.from({ length: count }, async (_, index) => (await table.get(keys.chunks, partKey(sequence, id, index)))?.['b']?.B),
  );
  if (parts.every((part) => part !== undefined)) return { sequence, body: unpack(Buffer.concat(parts), what) };
  if (!(await table.get(keys.log, sequenceKey(sequence)))) throw new TrimmedError(sequence);
  throw new CorruptLogError(`${what} lacks a part. Restore the store from a backup`);
}
