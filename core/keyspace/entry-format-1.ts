import { type ByteReader, ByteWriter } from './bytes.ts';
import type { Entry } from './entry.ts';
import { decodeRecord, encodeRecord } from './record-format.ts';
import type { Sequence } from './types.ts';

/** Entries as they were written first: logs hold them, and agents that know no other are served them. */
export const FORMAT_1 = 1;

export function encodeEntry1(entry: Entry): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT_1);
  out.text(entry.writer);
  out.number(entry.batch);
  out.number(entry.time);
  out.number(entry.baseRevision);
  out.number(entry.records.length);
  for (const record of entry.records) encodeRecord(out, record);
  return out.take();
}

/** `input` stands behind the format's byte. */
export function decodeEntry1(sequence: Sequence, input: ByteReader): Entry {
  return {
    sequence,
    writer: input.text(),
    batch: input.number(),
    time: input.number(),
    baseRevision: input.number(),
    records: input.list(() => decodeRecord(input)),
  };
}
