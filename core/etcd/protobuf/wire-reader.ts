import { inOwnMemory } from '../../keyspace/own-memory.ts';
import { malformed } from './malformed.ts';

/** How a value lies on the wire (https://protobuf.dev/programming-guides/encoding/#structure). */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** Deeper messages are refused, as by other decoders: a request of 2 MB could otherwise nest a million times. */
const DEPTH_MAX = 100;

/** Reads protobuf's wire format from one buffer. Each method throws EtcdError on bytes that are none of it. */
export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;
  #end: number;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  /** Whether the message that is being read has another field. */
  get more(): boolean {
    return this.#position < this.#end;
  }

  /** A field's number and wire type: `number << 3 | type`. */
  tag(): number {
    const tag = this.#low32();
    if (tag >>> 3 === 0) throw malformed('proto: illegal tag 0');
    return tag;
  }

  bool(): boolean {
    return this.int64() !== 0;
  }

  /** An int32 or enumeration. */
  int32(): number {
    return this.#low32() | 0;
  }

  uint32(): number {
    return this.#low32();
  }

  /** Exact up to 2^53. */
  int64(): number {
    const first = this.#bytes[this.#position]!;
    if (this.#position < this.#end && first < 0x80) {
      this.#position++;
      return first;
    }
    this.#varint();
    return high * 0x1_0000_0000 + low;
  }

  bigInt64(): bigint {
    this.#varint();
    return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low);
  }

  bigUint64(): bigint {
    return BigInt.asUintN(64, this.bigInt64());
  }

  /** A copy: a value must not keep the whole buffer alive. */
  bytes(): Uint8Array {
    const length = this.#length();
    const from = this.#position;
    this.#position += length;
    return inOwnMemory(this.#bytes, from, length);
  }

  /** Bytes as a binary string: one character a byte. */
  key(): string {
    const length = this.#length();
    const from = this.#position;
    this.#position += length;
    return this.#bytes.toString('latin1', from, from + length);
  }

  text(): string {
    const length = this.#length();
    const from = this.#position;
    this.#position += length;
    return this.#bytes.toString('utf8', from, from + length);
  }

  /** A message inside of this one: `read` is to go on until there are no more fields. */
  message<T>(read: (reader: this) => T): T {
    const length = this.#length();
    const outer = this.#end;
    if (++this.#depth > DEPTH_MAX) throw malformed('proto: message is nested too deeply');
    this.#end = this.#position + length;
    const value = read(this);
    this.#end = outer;
    this.#depth--;
    return value;
  }

  /** Passes over a field that isn't known. */
  skip(tag: number): void {
    switch (tag & 7) {
      case WIRE.varint:
        this.#varint();
        return;
      case WIRE.fixed64:
        return this.#pass(8);
      case WIRE.bytes:
        return this.#pass(this.#length());
      case WIRE.fixed32:
        return this.#pass(4);
      case WIRE.startGroup:
        return this.#skipGroup();
      default:
        throw malformed(`proto: illegal wireType ${tag & 7}`);
    }
  }

  /** Groups nest; they are counted, not called for, so that no depth of them is a danger. */
  #skipGroup(): void {
    for (let depth = 1; depth > 0; ) {
      const tag = this.tag();
      if ((tag & 7) === WIRE.startGroup) depth++;
      else if ((tag & 7) === WIRE.endGroup) depth--;
      else this.skip(tag);
    }
  }

  #pass(length: number): void {
    if (length > this.#end - this.#position) throw malformed('unexpected EOF');
    this.#position += length;
  }

  #length(): number {
    const length = this.int64();
    if (length < 0) throw malformed('proto: negative length found during unmarshaling');
    if (length > this.#end - this.#position) throw malformed('unexpected EOF');
    return length;
  }

  #low32(): number {
    const first = this.#bytes[this.#position]!;
    if (this.#position < this.#end && first < 0x80) {
      this.#position++;
      return first;
    }
    this.#varint();
    return low;
  }

  /** Leaves the lower half (unsigned) in `low`, and the upper half (signed) in `high`. */
  #varint(): void {
    low = 0;
    high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#position >= this.#end) throw malformed('unexpected EOF');
      const byte = this.#bytes[this.#position++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 64) high |= bits << (shift - 32);
      if (byte < 0x80) {
        low >>>= 0;
        return;
      }
    }
    throw malformed('proto: integer overflow');
  }
}

/** The halves of the varint read last: two numbers are returned without making an object. */
let low = 0;
let high = 0;
