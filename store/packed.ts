import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CorruptLogError } from '../core/keyspace/errors.ts';

/**
 * Bytes as they are stored: one byte that says how they are compressed, eight of a checksum, and the rest. Items below 1 KB cost
 * the same whatever their size, so that small ones aren't worth the work.
 */
const SCHEME = { plain: 0, deflate: 1 } as const;
const CHECKSUM_BYTES = 8;
const HEAD_BYTES = 1 + CHECKSUM_BYTES;
const COMPRESS_FROM_BYTES = 900;
/** Nearly as small as the default on our JSON, in a third of its time. */
const LEVEL = 2;

export function pack(bytes: Uint8Array): Uint8Array {
  const deflated = bytes.length >= COMPRESS_FROM_BYTES ? deflateRawSync(bytes, { level: LEVEL }) : undefined;
  const smaller = deflated !== undefined && deflated.length < bytes.length;
  const rest = smaller ? deflated : bytes;
  const packed = new Uint8Array(HEAD_BYTES + rest.length);
  packed[0] = smaller ? SCHEME.deflate : SCHEME.plain;
  packed.set(rest, HEAD_BYTES);
  packed.set(checksum(packed), 1);
  return packed;
}

/** Throws CorruptLogError if the bytes are not as they were packed; `what` says whose they are. */
export function unpack(packed: Uint8Array, what: string): Uint8Array {
  const intact = packed.length >= HEAD_BYTES && checksum(packed).every((byte, index) => byte === packed[1 + index]);
  if (!intact) throw new CorruptLogError(`${what} is damaged: its checksum does not match. Restore the store from a backup`);
  const rest = packed.subarray(HEAD_BYTES);
  if (packed[0] === SCHEME.plain) return rest;
  if (packed[0] === SCHEME.deflate) return inflateRawSync(rest);
  throw new CorruptLogError(`${what} is compressed in an unknown way (${packed[0]}): update Terrane`);
}

/** Over the scheme and the rest. */
function checksum(packed: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(packed.subarray(0, 1)).update(packed.subarray(HEAD_BYTES));
  return hash.digest().subarray(0, CHECKSUM_BYTES);
}
