import { CorruptLogError } from './errors.ts';
import type { Key } from './types.ts';

/** Compact binary writing and reading: varints, length-prefixed byte strings. Both sides of one format (entry.ts, snapshot.ts). */

const FIRST_CAPACITY = 256;

export class ByteWriter {
  #buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
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

  text(value: string): void {
    this.bytes(Buffer.from(value, 'utf8'));
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** What was written so far. Hands the memory over: the writer starts anew. */
  take(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
    this.#length = 0;
    return bytes;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** A value that is a smaller part of its block than this is copied, so that it doesn't keep the whole block in memory. */
const SHARED_PART_MIN = 1 / 4;

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  readonly #sharedPartMin: number;
  #position = 0;

  /** `share`: all values stay parts of the block, which is in memory as long as any of them is. */
  constructor(bytes: Uint8Array, { share = false } = {}) {
    this.#sharedPartMin = share ? 0 : bytes.length * SHARED_PART_MIN;
    // Values are handed out as plain Uint8Array, whatever came in.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#position >= this.#buffer.length;
  }

  byte(): number {
    return this.#buffer[this.#advance(1)]!;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
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
    const length = this.number();
    const from = this.#advance(length);
    return this.#buffer.toString('latin1', from, from + length);
  }

  text(): string {
    const length = this.number();
    const from = this.#advance(length);
    return this.#buffer.toString('utf8', from, from + length);
  }

  bytes(): Uint8Array {
    const length = this.number();
    const from = this.#advance(length);
    const shared = length >= this.#sharedPartMin;
    return shared ? this.#bytes.subarray(from, from + length) : this.#bytes.slice(from, from + length);
  }

  #advance(length: number): number {
    const from = this.#position;
    this.#position += length;
    if (this.#position > this.#buffer.length) throw new CorruptLogError('the log ends in the middle of a value');
    return from;
  }
}
