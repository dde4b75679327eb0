import { type ByteReader, ByteWriter } from './bytes.ts';
import type { Entry, LogRecord, Operation } from './entry.ts';
import { CorruptLogError } from './errors.ts';
import { numberAt, numberStart } from './numbered-id.ts';
import type { Key, Sequence } from './types.ts';

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

/** An operation's first byte: its kind, and flags. */
const KIND = {
  put: 0,
  delete: 1,
  grant: 2,
  revoke: 3,
  compact: 4,
  elsewhere: 5,
  set: 6,
  unset: 7,
  /** The record has no operations. */
  nothing: 8,
  /** Not operations themselves: the record that begins here has the id that follows, or none. */
  id: 9,
  noId: 10,
} as const;
const KIND_MASK = 0x0f;
const FRESH = 0x10;
const OTHER_LEASE = 0x20;
const OTHER_LENGTH = 0x40;
const LAST = 0x80;

/** Of the two halves of a key's first byte: the number follows. */
const LONG = 0x0f;

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

class RecordEncoder {
  readonly #out: ByteWriter;
  /** Texts of ids that were written, and the number of each: mostly there is one. */
  #firstText: string | undefined;
  #otherTexts: Map<string, number> | undefined;
  /** What the next record's id is if nothing is said: none, or that text with the number after this. */
  #text = '';
  #number = -1;
  #key: Key = '';
  #lease = 0n;
  #valueBytes = 0;

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  record({ requestId, operations }: LogRecord): void {
    if (requestId) this.#id(requestId);
    else if (this.#number >= 0) {
      this.#out.byte(KIND.noId);
      this.#number = -1;
    }
    if (operations.length === 0) this.#out.byte(KIND.nothing | LAST);
    for (let index = 0; index < operations.length; index++) {
      this.#operation(operations[index]!, index === operations.length - 1 ? LAST : 0);
    }
  }

  #id(id: string): void {
    if (this.#number >= 0 && id.startsWith(this.#text) && numberAt(id, this.#text.length) === this.#number + 1) {
      this.#number++;
      return;
    }
    const out = this.#out;
    const at = numberStart(id);
    const text = id.slice(0, at);
    out.byte(KIND.id);
    const known = this.#numberOf(text);
    out.number(known);
    if (known === 0) out.text(text);
    this.#text = text;
    this.#number = numberAt(id, at);
    out.number(this.#number + 1);
  }

  /** 0: it wasn't written yet; the next time it has a number. */
  #numberOf(text: string): number {
    if (text === this.#firstText) return 1;
    if (this.#firstText === undefined) {
      this.#firstText = text;
      return 0;
    }
    const others = (this.#otherTexts ??= new Map());
    const known = others.get(text);
    if (known === undefined) others.set(text, others.size + 2);
    return known ?? 0;
  }

  #operation(operation: Operation, last: number): void {
    const out = this.#out;
    switch (operation.type) {
      case 'put': {
        const { key, value, lease, fresh } = operation;
        const otherLease = lease !== this.#lease;
        const otherLength = value.length !== this.#valueBytes;
        out.byte(KIND.put | last | (fresh ? FRESH : 0) | (otherLease ? OTHER_LEASE : 0) | (otherLength ? OTHER_LENGTH : 0));
        if (otherLease) out.int64((this.#lease = lease));
        if (otherLength) out.number((this.#valueBytes = value.length));
        this.#writeKey(key);
        return;
      }
      case 'delete':
        out.byte(KIND.delete | last);
        this.#writeKey(operation.key);
        return;
      case 'grant':
        out.byte(KIND.grant | last);
        out.int64(operation.lease);
        out.number(operation.ttlSeconds);
        return;
      case 'revoke':
        out.byte(KIND.revoke | last);
        out.int64(operation.lease);
        return;
      case 'compact':
        out.byte(KIND.compact | last);
        out.number(operation.revision);
        return;
      case 'elsewhere':
        out.byte(KIND.elsewhere | last);
        return;
      case 'set':
        out.byte((operation.value ? KIND.set : KIND.unset) | last);
        out.text(operation.name);
        if (operation.value) out.bytes(operation.value);
    }
  }

  #writeKey(key: Key): void {
    const before = this.#key;
    const sharedMax = Math.min(before.length, key.length);
    let shared = 0;
    while (shared < sharedMax && before.charCodeAt(shared) === key.charCodeAt(shared)) shared++;
    const gone = before.length - shared;
    const more = key.length - shared;
    const out = this.#out;
    out.byte((Math.min(gone, LONG) << 4) | Math.min(more, LONG));
    if (gone >= LONG) out.number(gone - LONG);
    if (more >= LONG) out.number(more - LONG);
    out.latin1(key, shared);
    this.#key = key;
  }
}

class RecordDecoder {
  readonly #input: ByteReader;
  /** Where the next value begins. */
  valuesAt: number;
  readonly #texts: string[] = [];
  #text = '';
  #number = -1;
  #key: Key = '';
  /** The bytes of the key before; undefined: no key has needed any yet. */
  #keyBytes: Buffer | undefined;
  #lease = 0n;
  #valueBytes = 0;

  constructor(input: ByteReader, valuesAt: number) {
    this.#input = input;
    this.valuesAt = valuesAt;
  }

  record(): LogRecord {
    let first = this.#input.byte();
    let requestId: string | undefined;
    if ((first & KIND_MASK) === KIND.id) {
      requestId = this.#id();
      first = this.#input.byte();
    } else if ((first & KIND_MASK) === KIND.noId) {
      this.#number = -1;
      first = this.#input.byte();
    } else if (this.#number >= 0) requestId = this.#text + ++this.#number;
    const operations: Operation[] = [];
    if (first === (KIND.nothing | LAST)) return { requestId, operations };
    for (let head = first; ; head = this.#input.byte()) {
      operations.push(this.#operation(head));
      if ((head & LAST) !== 0) return { requestId, operations };
    }
  }

  #id(): string {
    const known = this.#input.number();
    if (known === 0) this.#texts.push(this.#input.text());
    const text = known === 0 ? this.#texts.at(-1) : this.#texts[known - 1];
    if (text === undefined) throw new CorruptLogError('a request id in the log refers to one that is not there');
    this.#text = text;
    this.#number = this.#input.number() - 1;
    return this.#number < 0 ? text : text + this.#number;
  }

  #operation(head: number): Operation {
    const input = this.#input;
    switch (head & KIND_MASK) {
      case KIND.put: {
        if ((head & OTHER_LEASE) !== 0) this.#lease = input.int64();
        if ((head & OTHER_LENGTH) !== 0) this.#valueBytes = input.number();
        const key = this.#readKey();
        const value = input.rawAt(this.valuesAt, this.#valueBytes);
        this.valuesAt += value.length;
        return { type: 'put', key, value, lease: this.#lease, fresh: (head & FRESH) !== 0 };
      }
      case KIND.delete:
        return { type: 'delete', key: this.#readKey() };
      case KIND.grant:
        return { type: 'grant', lease: input.int64(), ttlSeconds: input.number() };
      case KIND.revoke:
        return { type: 'revoke', lease: input.int64() };
      case KIND.compact:
        return { type: 'compact', revision: input.number() };
      case KIND.elsewhere:
        return { type: 'elsewhere' };
      case KIND.set:
        return { type: 'set', name: input.text(), value: input.bytes() };
      case KIND.unset:
        return { type: 'set', name: input.text(), value: undefined };
      default:
        throw new CorruptLogError(`the log holds an operation of unknown kind ${head & KIND_MASK}: update Terrane`);
    }
  }

  #readKey(): Key {
    const input = this.#input;
    const head = input.byte();
    let gone = head >> 4;
    let more = head & LONG;
    if (gone === LONG) gone += input.number();
    if (more === LONG) more += input.number();
    const shared = this.#key.length - gone;
    if (shared < 0) throw new CorruptLogError('a key in the log refers to more than there is before it');
    if (shared === 0) {
      this.#keyBytes = undefined;
      return (this.#key = input.latin1(more));
    }
    input.assertMore(more);
    const length = shared + more;
    const bytes = this.#roomFor(length, shared);
    input.copyTo(bytes, shared, more);
    // A string of its own: one put together of two others would keep both.
    return (this.#key = bytes.toString('latin1', 0, length));
  }

  /** For a key of that length, of which so many bytes are those of the one before. */
  #roomFor(length: number, shared: number): Buffer {
    const before = this.#keyBytes;
    if (before && before.length >= length) return before;
    const larger = Buffer.allocUnsafe(Math.max(64, length * 2));
    if (before) before.copy(larger, 0, 0, shared);
    else larger.write(this.#key, 'latin1');
    return (this.#keyBytes = larger);
  }
}
