import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CorruptLogError } from '../core/keyspace/errors.ts';

/**
 * Bytes as they are stored: one byte that says how they are compressed, eight of a checksum, and the rest. Items below 1 KB cost
 * the same whatever their size, so that small ones aren't worth the work.
 */
const SCHEME = { plain: 0, deflate: 1, deflateHead: 2 } as const;
const CHECKSUM_BYTES = 8;
const HEAD_BYTES = 1 + CHECKSUM_BYTES;
const COMPRESS_FROM_BYTES = 900;
/** Nearly as small as the default on our JSON, in a third of its time. */
const LEVEL = 2;

/** Where compressing it all saves less than that part, the head is tried alone. */
const SAVED_PART_MIN = 1 / 8;
/** How long the compressed head is. */
const LENGTH_BYTES = 3;
const HEAD_LENGTH_MAX = 2 ** (8 * LENGTH_BYTES) - 1;

export interface Packing {
  /** Only what a glance says to be worth it is compressed, for a store that doesn't charge by the kilobyte. */
  readonly quickly?: boolean;
  /** So many bytes at the beginning are of another kind than the rest: they may be worth it where the rest isn't. */
  readonly head?: number | undefined;
}

export function pack(bytes: Uint8Array, { quickly = false, head }: Packing = {}): Uint8Array {
  const { scheme, parts } = smallest(bytes, quickly, head);
  const packed = new Uint8Array(parts.reduce((length, part) => length + part.length, HEAD_BYTES));
  packed[0] = scheme;
  let at = HEAD_BYTES;
  for (const part of parts) {
    packed.set(part, at);
    at += part.length;
  }
  packed.set(checksum(packed), 1);
  return packed;
}

interface Scheme {
  readonly scheme: number;
  readonly parts: readonly Uint8Array[];
}

function smallest(bytes: Uint8Array, quickly: boolean, head = 0): Scheme {
  const plain = { scheme: SCHEME.plain, parts: [bytes] };
  if (bytes.length < COMPRESS_FROM_BYTES || (quickly && !repeatsItself(bytes))) return plain;
  const deflated = deflateRawSync(bytes, { level: LEVEL });
  const whole = deflated.length < bytes.length ? { scheme: SCHEME.deflate, parts: [deflated] } : plain;
  if (quickly || head <= 0 || head >= bytes.length || deflated.length < bytes.length * (1 - SAVED_PART_MIN)) return whole;
  const deflatedHead = deflateRawSync(bytes.subarray(0, head));
  const apart = LENGTH_BYTES + deflatedHead.length + bytes.length - head;
  if (apart >= Math.min(deflated.length, bytes.length) || deflatedHead.length > HEAD_LENGTH_MAX) return whole;
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUIntBE(deflatedHead.length, 0, LENGTH_BYTES);
  return { scheme: SCHEME.deflateHead, parts: [length, deflatedHead, bytes.subarray(head)] };
}

/** A glance: so many bytes, and what part of them must have come before among them. */
const GLANCE = { bytes: 2_048, part: 0.3 };

function repeatsItself(bytes: Uint8Array): boolean {
  const from = Math.max(0, (bytes.length - GLANCE.bytes) >> 1);
  const to = Math.min(bytes.length, from + GLANCE.bytes) - 3;
  /** Where each hash of four bytes was seen last, plus one. */
  const seen = new Uint16Array(4_096);
  let repeated = 0;
  let next = 0;
  for (let at = from; at < to; at++) {
    next = at === from ? bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) : next >>> 8;
    next |= bytes[at + 3]! << 24;
    const hash = Math.imul(next, 0x9e3779b1) >>> 20;
    const before = from + seen[hash]! - 1;
    if (
      before >= from &&
      bytes[before] === bytes[at] &&
      bytes[before + 1] === bytes[at + 1] &&
      bytes[before + 3] === bytes[at + 3]
    )
      repeated++;
    seen[hash] = at - from + 1;
  }
  return repeated >= (to - from) * GLANCE.part;
}

/** Throws CorruptLogError if the bytes are not as they were packed; `what` says whose they are. */
export function unpack(packed: Uint8Array, what: string): Uint8Array {
  const intact = packed.length >= HEAD_BYTES && checksum(packed).every((byte, index) => byte === packed[1 + index]);
  if (!intact) throw new CorruptLogError(`${what} is damaged: its checksum does not match. Restore the store from a backup`);
  const rest = packed.subarray(HEAD_BYTES);
  if (packed[0] === SCHEME.plain) return rest;
  if (packed[0] === SCHEME.deflate) return inflateRawSync(rest);
  if (packed[0] === SCHEME.deflateHead) {
    const from = LENGTH_BYTES + Buffer.from(rest.buffer, rest.byteOffset, rest.length).readUIntBE(0, LENGTH_BYTES);
    return Buffer.concat([inflateRawSync(rest.subarray(LENGTH_BYTES, from)), rest.subarray(from)]);
  }
  throw new CorruptLogError(`${what} is compressed in an unknown way (${packed[0]}): update Terrane`);
}

/** Over the scheme and the rest. */
function checksum(packed: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(packed.subarray(0, 1)).update(packed.subarray(HEAD_BYTES));
  return hash.digest().subarray(0, CHECKSUM_BYTES);
}
