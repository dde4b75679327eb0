import { CorruptLogError } from './errors.ts';
import { inOwnMemory, PART_MIN } from './own-memory.ts';
import type { Key } from './types.ts';

/** Compact binary writing and reading: varints, length-prefixed byte strings. Both sides of one format (entry.ts, snapshot.ts). */

/** So many bytes are copied faster one by one than by a call out of JavaScript. */
const SHORT_BYTES_MAX = 24;
/** The length of a text up to this takes one byte. */
const SHORT_TEXT_MAX = 0x7f;
const FIRST_CAPACITY = 16_384;
/** A larger buffer isn't kept for the next writer. */
const KEPT_CAPACITY_MAX = 1_000_000;
/** The buffer of a writer that is through with it: most are, before the next one begins. */
let spare: Buffer | undefined;

const NO_MEMORY = Buffer.alloc(0);

function takeSpare(): Buffer {
  const buffer = spare ?? Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  spare = undefined;
  return buffer;
}

export class ByteWriter {
  #buffer = takeSpare();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** An integer 0..2^53-1, seven bits a byte, the lowest first. */
  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** Eight bytes, two's complement. */
  int64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64BE(value, this.#length);
  }

  /** A key, or any text of characters 0..255: one byte a character. */
  key(value: Key): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#length += this.#buffer.write(value, this.#length, 'latin1');
  }

  /** A key's characters from one on, without saying how many there are. */
  latin1(value: Key, from: number): void {
    const length = value.length - from;
    this.#reserve(length);
    if (length > SHORT_BYTES_MAX) {
      this.#length += this.#buffer.write(value.slice(from), this.#length, 'latin1');
      return;
    }
    for (let at = from; at < value.length; at++) this.#buffer[this.#length++] = value.charCodeAt(at);
  }

  text(value: string): void {
    if (!this.#shortAscii(value)) this.bytes(Buffer.from(value, 'utf8'));
  }

  /** Ids and names, mostly: written where they go to, for a third of what a buffer of their own costs. False: it is something else. */
  #shortAscii(value: string): boolean {
    const { length } = value;
    if (length > SHORT_TEXT_MAX) return false;
    this.#reserve(length + 1);
    const from = this.#length;
    for (let at = 0; at < length; at++) {
      const code = value.charCodeAt(at);
      if (code > 0x7f) return false;
      this.#buffer[from + 1 + at] = code;
    }
    this.#buffer[from] = length;
    this.#length = from + 1 + length;
    return true;
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.raw(value);
  }

  /** Without saying how many there are. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** What was written so far, in memory of its own. The writer starts anew, with memory that it gets then. */
  take(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.#length);
    this.#buffer.copy(bytes, 0, 0, this.#length);
    if (this.#buffer.length <= KEPT_CAPACITY_MAX) spare = this.#buffer;
    this.#buffer = NO_MEMORY;
    this.#length = 0;
    return bytes;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    if (this.#buffer === NO_MEMORY) this.#buffer = takeSpare();
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  readonly #sharedPartMin: number;
  #position = 0;
  /** Where what may be read ends. */
  #end: number;

  /** `share`: all values stay parts of the block, which is in memory as long as any of them is. */
  constructor(bytes: Uint8Array, { share = false } = {}) {
    // What is read may itself be a part of a block: of what came from a socket or a file.
    this.#sharedPartMin = share ? 0 : bytes.buffer.byteLength * PART_MIN;
    // Values are handed out as plain Uint8Array, whatever came in.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  get done(): boolean {
    return this.#position >= this.#end;
  }

  /** The last `bytes` of what is here aren't read in turn any more, but by rawAt. Answers where they begin. */
  setApart(bytes: number): number {
    this.assertMore(bytes);
    this.#end -= bytes;
    return this.#end;
  }

  /** Throws CorruptLogError unless so many bytes follow. */
  assertMore(bytes: number): void {
    if (this.#position + bytes > this.#end) throw new CorruptLogError('the log ends in the middle of a value');
  }

  byte(): number {
    return this.#buffer[this.#advance(1)]!;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte >= 0x80) continue;
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw new CorruptLogError('a number in the log is too long');
  }

  int64(): bigint {
    const from = this.#advance(8);
    // The usual one needs no object of its own.
    if (this.#buffer.readInt32BE(from) === 0 && this.#buffer.readInt32BE(from + 4) === 0) return 0n;
    return this.#buffer.readBigInt64BE(from);
  }

  key(): Key {
    return this.latin1(this.number());
  }

  text(): string {
    const length = this.number();
    const from = this.#advance(length);
    return this.#buffer.toString('utf8', from, from + length);
  }

  bytes(): Uint8Array {
    return this.raw(this.number());
  }

  /** As many as a number says that comes first. Each takes a byte at least, so that a damaged number is refused before it costs memory. */
  list<T>(read: () => T): T[] {
    const count = this.number();
    this.assertMore(count);
    const items: T[] = [];
    while (items.length < count) items.push(read());
    return items;
  }

  raw(length: number): Uint8Array {
    return this.#part(this.#advance(length), length);
  }

  /** Of what was set apart. */
  rawAt(from: number, length: number): Uint8Array {
    if (from + length > this.#bytes.length) throw new CorruptLogError('the log ends in the middle of a value');
    return this.#part(from, length);
  }

  /** Bytes that a number doesn't come before, as a key. */
  latin1(length: number): Key {
    const from = this.#advance(length);
    return this.#buffer.toString('latin1', from, from + length);
  }

  #part(from: number, length: number): Uint8Array {
    const shared = length >= this.#sharedPartMin;
    return shared ? this.#bytes.subarray(from, from + length) : inOwnMemory(this.#bytes, from, length);
  }

  copyTo(target: Buffer, at: number, length: number): void {
    const from = this.#advance(length);
    if (length > SHORT_BYTES_MAX) this.#buffer.copy(target, at, from, from + length);
    else for (let index = 0; index < length; index++) target[at + index] = this.#buffer[from + index]!;
  }

  #advance(length: number): number {
    const from = this.#position;
    const to = from + length;
    if (to > this.#end) throw new CorruptLogError('the log ends in the middle of a value');
    this.#position = to;
    return from;
  }
}
