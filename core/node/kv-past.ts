import { ByteReader, ByteWriter } from '../keyspace/bytes.ts';
import { CorruptLogError } from '../keyspace/errors.ts';
import type { ChangeEvent, KeyValue, Revision, RevisionEvents } from '../keyspace/types.ts';

/** What a host's copy has forgotten of the past, and a watch on that host still wants to see: revisions `from <= r < to`. */
export interface PastQuestion {
  readonly from: Revision;
  readonly to: Revision;
}

/** Whole revisions, from the first that was asked for, as many as one answer takes; or from where on there are any. */
export type PastAnswer = { readonly steps: readonly RevisionEvents[] } | { readonly compactRevision: Revision };

const FORMAT = 1;
const KIND = { steps: 0, compacted: 1 } as const;
const FLAG = { delete: 1, prev: 2 } as const;

export function encodePast(answer: PastAnswer): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT);
  if ('compactRevision' in answer) {
    out.byte(KIND.compacted);
    out.number(answer.compactRevision);
    return out.take();
  }
  out.byte(KIND.steps);
  out.number(answer.steps.length);
  for (const { revision, events } of answer.steps) {
    out.number(revision);
    out.number(events.length);
    for (const { type, kv, prev } of events) {
      out.byte((type === 'delete' ? FLAG.delete : 0) | (prev ? FLAG.prev : 0));
      writeKeyValue(out, kv);
      if (prev) writeKeyValue(out, prev);
    }
  }
  return out.take();
}

/** Throws CorruptLogError. */
export function decodePast(bytes: Uint8Array): PastAnswer {
  const input = new ByteReader(bytes);
  const format = input.byte();
  if (format !== FORMAT) throw new CorruptLogError(`the control plane tells of the past in format ${format}: update the agent`);
  if (input.byte() === KIND.compacted) return { compactRevision: input.number() };
  return { steps: input.list(() => ({ revision: input.number(), events: input.list(() => readEvent(input)) })) };
}

function readEvent(input: ByteReader): ChangeEvent {
  const flags = input.byte();
  const kv = readKeyValue(input);
  const prev = (flags & FLAG.prev) !== 0 ? readKeyValue(input) : undefined;
  return { type: (flags & FLAG.delete) !== 0 ? 'delete' : 'put', kv, prev };
}

function writeKeyValue(out: ByteWriter, kv: KeyValue): void {
  out.key(kv.key);
  out.bytes(kv.value);
  out.number(kv.createRevision);
  out.number(kv.modRevision);
  out.number(kv.version);
  out.int64(kv.lease);
}

function readKeyValue(input: ByteReader): KeyValue {
  return {
    key: input.key(),
    value: input.bytes(),
    createRevision: input.number(),
    modRevision: input.number(),
    version: input.number(),
    lease: input.int64(),
  };
}
