import { ByteReader, ByteWriter } from '../keyspace/bytes.ts';
import { CorruptLogError } from '../keyspace/errors.ts';
import type { LogEntry, Tail } from '../keyspace/log.ts';
import type { Sequence } from '../keyspace/types.ts';

/**
 * What a host and the control plane say to each other about the cluster's key-value store, below /node/v1/kv: the log's tail, its
 * snapshot in pages, and calls that only the control plane can answer, many in one request. All bodies are binary, and begin with
 * the number of their format.
 */
export const KV_PATH = '/node/v1/kv';

/** An answer of a Lambda function may have 6 MB, base64 and headers included. */
export const ANSWER_BYTES_MAX = 3_500_000;

const FORMAT = 1;
const TAIL = { entries: 0, trimmed: 1 } as const;

/** Entries after a sequence; `trimmed`: some of them are gone, start from a snapshot. */
export type TailAnswer = Tail | 'trimmed';

export function encodeTail(tail: TailAnswer): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT);
  if (tail === 'trimmed') {
    out.byte(TAIL.trimmed);
    return out.take();
  }
  out.byte(TAIL.entries);
  out.byte(tail.more ? 1 : 0);
  out.number(tail.entries.length);
  for (const { sequence, body } of tail.entries) {
    out.number(sequence);
    out.bytes(body);
  }
  return out.take();
}

/** Throws CorruptLogError. */
export function decodeTail(bytes: Uint8Array): TailAnswer {
  const input = open(bytes);
  if (input.byte() === TAIL.trimmed) return 'trimmed';
  const more = input.byte() === 1;
  const entries = list(input, (): LogEntry => ({ sequence: input.number(), body: input.bytes() }));
  return { entries, more };
}

/** So much of a tail as fits into one answer, at least one entry. */
export function fittingTail({ entries, more }: Tail, bytesMax = ANSWER_BYTES_MAX): Tail {
  let bytes = 0;
  const fitting = entries.filter(({ body }, index) => {
    bytes += body.length + 16;
    return index === 0 || bytes <= bytesMax;
  });
  return { entries: fitting, more: more || fitting.length < entries.length };
}

/** Some chunks of a snapshot, in order. Whoever comes back with `next` gets those that follow. */
export interface SnapshotPage {
  /** The last entry that the snapshot covers. */
  readonly sequence: Sequence;
  /** Which snapshot it is: when that changes on the way, a newer one took its place, from its beginning. */
  readonly id: string;
  readonly chunks: readonly Uint8Array[];
  /** Opaque; undefined after the last page. */
  readonly next: string | undefined;
}

/** Undefined: there is no snapshot; the log goes back to its beginning. */
export function encodeSnapshotPage(page: SnapshotPage | undefined): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT);
  out.byte(page ? 1 : 0);
  if (!page) return out.take();
  out.number(page.sequence);
  out.text(page.id);
  out.text(page.next ?? '');
  out.number(page.chunks.length);
  for (const chunk of page.chunks) out.bytes(chunk);
  return out.take();
}

/** Throws CorruptLogError. */
export function decodeSnapshotPage(bytes: Uint8Array): SnapshotPage | undefined {
  const input = open(bytes);
  if (input.byte() === 0) return undefined;
  const [sequence, id, next] = [input.number(), input.text(), input.text() || undefined];
  return { sequence, id, next, chunks: list(input, () => input.bytes()) };
}

/** A call that a host passes on for one of its clients. */
export interface ForwardedCall {
  /** Unique among all calls of all hosts: a call that comes twice is carried out once. */
  readonly id: string;
  /** etcd's name of the method. */
  readonly method: string;
  /** The client's (Authenticate); '' if it has none. */
  readonly token: string;
  /** protobuf. */
  readonly request: Uint8Array;
  /** It was sent before, and what came of that isn't known. */
  readonly again?: boolean;
}

export interface ForwardedCalls {
  /** The last entry of the log that the host has; undefined: it doesn't want those that follow. */
  readonly after: Sequence | undefined;
  readonly calls: readonly ForwardedCall[];
  /** The newest format of entries that the host reads (entry.ts). Default 1, which those read that don't say. */
  readonly reads?: number;
}

/** `code`: gRPC's status. 0: `response` is the answer (protobuf), else `message` says what is wrong. */
export type CallOutcome =
  | { readonly code: 0; readonly response: Uint8Array }
  | { readonly code: number; readonly message: string };

export interface ForwardedAnswer {
  /** Entries that the host doesn't have, what the calls wrote among them; more of them may have to be read. */
  readonly entries: readonly LogEntry[];
  /** In the order of the calls. */
  readonly outcomes: readonly CallOutcome[];
}

/** Calls in one request, and bytes of them: more wouldn't be cheaper. One call alone may be longer. */
export const FORWARD_MAX = { calls: 1_000, bytes: 1_000_000 };
/** 1.5 MB of keys and values, many small ones, and what else comes with them. */
export const FORWARD_BYTES_MAX = 4_000_000;

export function encodeCalls({ after, calls, reads }: ForwardedCalls): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT);
  out.number(after === undefined ? 0 : after + 1);
  out.number(calls.length);
  for (const { id, method, token, request } of calls) {
    out.text(id);
    out.text(method);
    out.text(token);
    out.bytes(request);
  }
  // Behind the list, where control planes that don't know of it don't look.
  const again = calls.flatMap((call, index) => (call.again ? [index] : []));
  out.number(again.length);
  for (const index of again) out.number(index);
  if (reads !== undefined) out.number(reads);
  return out.take();
}

/** Throws CorruptLogError. */
export function decodeCalls(bytes: Uint8Array): ForwardedCalls {
  // Requests are decoded at once, which copies what is kept of them.
  const input = open(bytes, { share: true });
  const next = input.number();
  const calls: (ForwardedCall & { again?: boolean })[] = list(input, () => ({
    id: input.text(),
    method: input.text(),
    token: input.text(),
    request: input.bytes(),
  }));
  for (const index of input.done ? [] : list(input, () => input.number())) if (calls[index]) calls[index].again = true;
  const reads = input.done ? {} : { reads: input.number() };
  return { after: next === 0 ? undefined : next - 1, calls, ...reads };
}

export function encodeForwardedAnswer({ entries, outcomes }: ForwardedAnswer): Uint8Array {
  const out = new ByteWriter();
  out.byte(FORMAT);
  out.number(entries.length);
  for (const { sequence, body } of entries) {
    out.number(sequence);
    out.bytes(body);
  }
  out.number(outcomes.length);
  for (const outcome of outcomes) {
    out.byte(outcome.code);
    if ('response' in outcome) out.bytes(outcome.response);
    else out.text(outcome.message);
  }
  return out.take();
}

/** Throws CorruptLogError. */
export function decodeForwardedAnswer(bytes: Uint8Array): ForwardedAnswer {
  const input = open(bytes);
  const entries = list(input, (): LogEntry => ({ sequence: input.number(), body: input.bytes() }));
  const outcomes = list(input, (): CallOutcome => {
    const code = input.byte();
    return code === 0 ? { code, response: input.bytes() } : { code, message: input.text() };
  });
  return { entries, outcomes };
}

function open(bytes: Uint8Array, options: { share?: boolean } = {}): ByteReader {
  const input = new ByteReader(bytes, options);
  const format = input.byte();
  if (format !== FORMAT)
    throw new CorruptLogError(`the control plane speaks format ${format} of the key-value store: update the agent`);
  return input;
}

function list<T>(input: ByteReader, read: () => T): T[] {
  const items: T[] = [];
  for (let count = input.number(); count > 0; count--) items.push(read());
  return items;
}
