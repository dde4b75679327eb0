import type { Identity } from '../identity.ts';
import { WIRE } from './wire-reader.ts';

const INITIAL_BYTES = 4096;
const GRPC_PREFIX_BYTES = 5;
/** What one large message made of the buffer isn't kept for small ones. */
const KEPT_BYTES = 1024 * 1024;

/**
 * Writes protobuf's wire format from its end to its beginning: the length of a message inside another is known when its turn comes,
 * so nothing is measured first or moved later. Fields are therefore written last to first.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #position = INITIAL_BYTES;
  /** Who answers, in the headers of responses. Requests have none. */
  readonly identity: Identity | undefined;
  /** cluster_id and member_id as they begin each header: two 64-bit numbers are not encoded anew each time. */
  readonly identityFields: Uint8Array;

  constructor(identity?: Identity) {
    this.identity = identity;
    this.bigInt64(2, identity?.memberId ?? 0n);
    this.bigInt64(1, identity?.clusterId ?? 0n);
    this.identityFields = this.copy();
  }

  /** Bytes written since `start`. */
  get length(): number {
    return this.#bytes.length - this.#position;
  }

  /** Begins (at the end of) a message. */
  start(): this {
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(INITIAL_BYTES);
    this.#position = this.#bytes.length;
    return this;
  }

  /** What was written. It is overwritten after the next `start`. */
  view(): Buffer {
    return this.#bytes.subarray(this.#position);
  }

  /** What was written as a gRPC message: uncompressed, its length before it. Overwritten after the next `start`. */
  grpcView(): Buffer {
    const { length } = this;
    this.#reserve(GRPC_PREFIX_BYTES);
    this.#bytes[this.#position] = 0;
    this.#bytes.writeUInt32BE(length, this.#position + 1);
    return this.view();
  }

  /** What was written, to keep. */
  copy(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, this.#position);
  }

  tag(field: number, type: (typeof WIRE)[keyof typeof WIRE]): void {
    this.#varint((field << 3) | type);
  }

  bool(field: number, value: boolean): void {
    if (value) this.int64(field, 1);
  }

  /** Exact up to 2^53, like all numbers here. Zero is left out. */
  int64(field: number, value: number): void {
    if (value === 0) return;
    this.element64(value);
    this.tag(field, WIRE.varint);
  }

  bigInt64(field: number, value: bigint): void {
    if (value === 0n) return;
    this.bigElement64(value);
    this.tag(field, WIRE.varint);
  }

  /** A number without a tag, of a packed list. */
  element64(value: number): void {
    if (value >= 0) this.#varint(value);
    else this.bigElement64(BigInt(value));
  }

  bigElement64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    const septets: number[] = [];
    do {
      septets.push(Number(rest & 0x7fn));
      rest >>= 7n;
    } while (rest > 0n);
    this.#reserve(septets.length);
    septets.forEach((bits, n) => {
      this.#bytes[this.#position + n] = n < septets.length - 1 ? bits | 0x80 : bits;
    });
  }

  /** Empty ones are left out. */
  bytes(field: number, value: Uint8Array): void {
    if (value.length > 0) this.byteElement(field, value);
  }

  key(field: number, value: string): void {
    if (value !== '') this.keyElement(field, value);
  }

  text(field: number, value: string): void {
    if (value !== '') this.textElement(field, value);
  }

  /** The same, written even when empty: an element of a list. */
  byteElement(field: number, value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#position);
    this.#lengthOf(field, value.length);
  }

  keyElement(field: number, value: string): void {
    this.#reserve(value.length);
    this.#bytes.write(value, this.#position, 'latin1');
    this.#lengthOf(field, value.length);
  }

  textElement(field: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.#reserve(length);
    this.#bytes.write(value, this.#position, 'utf8');
    this.#lengthOf(field, length);
  }

  /** Makes what was written since `length` was `before` the message of that field. */
  message(field: number, before: number): void {
    this.#lengthOf(field, this.length - before);
  }

  /** Bytes that are encoded already. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#position);
  }

  #lengthOf(field: number, length: number): void {
    this.#varint(length);
    this.tag(field, WIRE.bytes);
  }

  #varint(value: number): void {
    if (value < 0x80) {
      this.#reserve(1);
      this.#bytes[this.#position] = value;
      return;
    }
    let size = 2;
    for (let bound = 0x4000; value >= bound; bound *= 128) size++;
    this.#reserve(size);
    let at = this.#position;
    let rest = value;
    for (; rest >= 0x8000_0000; rest = Math.floor(rest / 128)) this.#bytes[at++] = (rest % 128) | 0x80;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
  }

  #reserve(count: number): void {
    if (count > this.#position) {
      const used = this.length;
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, used + count + INITIAL_BYTES));
      this.#bytes.copy(larger, larger.length - used, this.#position);
      this.#bytes = larger;
      this.#position = larger.length - used;
    }
    this.#position -= count;
  }
}
