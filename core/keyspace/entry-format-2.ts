import { type ByteReader, ByteWriter } from './bytes.ts';
import type { Entry } from './entry.ts';
import { RecordDecoder } from './entry-2-decoder.ts';
import { RecordEncoder } from './entry-2-encoder.ts';
import { CorruptLogError } from './errors.ts';
import type { Sequence } from './types.ts';

/**
 * Entries as they are written. The store charges by the kilobyte, so that a put has two bytes beside its key and its value, and a key
 * costs only what the one before it doesn't have:
 *
 *     2 | bytes of all values | writer | batch | time | base revision | number of records | records ... | values ...
 *
 * - A record is its operations, the last of them marked; one without any is a mark alone.
 * - A key is how many bytes at the end of the operation's before it doesn't have, how many it has instead, and those.
 * - A lease or a value's length is written only where it isn't the put's before.
 * - A request id is taken apart into a text and a number behind it. Where the next record's is the same text with the next number (a host's
 *   calls are) it isn't written at all.
 * - Values stand together behind the rest, so that what can be compressed isn't strewn among what perhaps can't (valuesAt).
 */
export const FORMAT_2 = 2;

export function encodeEntry2(entry: Entry): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT_2);
  out.number(valuesBytes(entry));
  out.text(entry.writer);
  out.number(entry.batch);
  out.number(entry.time);
  out.number(entry.baseRevision);
  out.number(entry.records.length);
  const encoder = new RecordEncoder(out);
  for (const record of entry.records) encoder.record(record);
  for (const { operations } of entry.records) {
    for (const operation of operations) if (operation.type === 'put') out.raw(operation.value);
  }
  return out.take();
}

/** `input` reads `body`, and stands behind the format's byte. */
export function decodeEntry2(sequence: Sequence, body: Uint8Array, input: ByteReader): Entry {
  const valuesAt = input.setApart(input.number());
  const decoder = new RecordDecoder(input, valuesAt);
  const entry = {
    sequence,
    writer: input.text(),
    batch: input.number(),
    time: input.number(),
    baseRevision: input.number(),
    records: input.list(() => decoder.record()),
  };
  if (!input.done || decoder.valuesAt !== body.length) {
    throw new CorruptLogError(`entry ${sequence} of the log is longer than what it says is in it`);
  }
  return entry;
}

/** Where the values begin. Undefined: the body isn't of this format. */
export function valuesAt(body: Uint8Array): number | undefined {
  if (body[0] !== FORMAT_2) return undefined;
  let bytes = 0;
  let at = 1;
  for (let factor = 1; at < body.length; factor *= 0x80) {
    const byte = body[at++]!;
    bytes += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  return body.length - bytes;
}

function valuesBytes({ records }: Entry): number {
  let bytes = 0;
  for (const { operations } of records) {
    for (const operation of operations) if (operation.type === 'put') bytes += operation.value.length;
  }
  return bytes;
}
