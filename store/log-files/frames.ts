import type { LogEntry } from '../../core/keyspace/log.ts';
import type { Sequence } from '../../core/keyspace/types.ts';
import { crc32 } from './crc32.ts';

/**
 * An entry in a file, numbers with their high bytes first:
 *
 *     CRC-32 of all that follows (4 bytes) | length of the body (4) | sequence (8, a double) | time, ms (8, a double) | body
 */
export const FRAME_HEAD_BYTES = 24;
const CRC_BYTES = 4;

/** What a disk writes whole or not at all, at least. */
const SECTOR_BYTES = 512;

/** Sequences that may follow one which can't be read, so that it is looked for them. */
const AHEAD_MAX = 1_000_000;

export interface FramePlace {
  readonly sequence: Sequence;
  /** When it was written, ms since the epoch. */
  readonly at: number;
  readonly bodyAt: number;
  readonly end: number;
}

export function frameHead({ sequence, body }: LogEntry, at: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  head.writeUInt32BE(body.length, CRC_BYTES);
  head.writeDoubleBE(sequence, CRC_BYTES + 4);
  head.writeDoubleBE(at, CRC_BYTES + 12);
  head.writeUInt32BE(crc32(body, crc32(head.subarray(CRC_BYTES))), 0);
  return head;
}

/** The frame that begins there; undefined if none does. */
export function frameAt(bytes: Buffer, from: number): FramePlace | undefined {
  const bodyAt = from + FRAME_HEAD_BYTES;
  if (bodyAt > bytes.length) return undefined;
  const end = bodyAt + bytes.readUInt32BE(from + CRC_BYTES);
  if (end > bytes.length || crc32(bytes.subarray(from + CRC_BYTES, end)) !== bytes.readUInt32BE(from)) return undefined;
  return { sequence: bytes.readDoubleBE(from + CRC_BYTES + 4), at: bytes.readDoubleBE(from + CRC_BYTES + 12), bodyAt, end };
}

/**
 * Bytes from which on no frame can be read: `torn` if the write of one that nobody was told of was cut short, `damaged` if something was
 * there that has changed since. Files are filled with zeros before they are written, entries one after the other: so a write that was cut short
 * is the last one and lacks a sector at least, which is still zeros; or the file ends within it.
 */
export function tailAt(bytes: Buffer, from: number, expected: Sequence): 'empty' | 'torn' | 'damaged' {
  if (isZero(bytes, from, bytes.length)) return 'empty';
  if (laterFrame(bytes, from + 1, expected)) return 'damaged';
  const headEnd = from + FRAME_HEAD_BYTES;
  if (headEnd > bytes.length || isZero(bytes, from, headEnd)) return 'torn';
  const end = headEnd + bytes.readUInt32BE(from + CRC_BYTES);
  if (end > bytes.length) return 'torn';
  for (let at = from; at < end; ) {
    const sectorEnd = Math.min(end, at - (at % SECTOR_BYTES) + SECTOR_BYTES);
    if (isZero(bytes, at, sectorEnd)) return 'torn';
    at = sectorEnd;
  }
  return 'damaged';
}

function laterFrame(bytes: Buffer, from: number, expected: Sequence): boolean {
  for (let at = from; at + FRAME_HEAD_BYTES <= bytes.length; at++) {
    const ahead = bytes.readDoubleBE(at + CRC_BYTES + 4) - expected;
    if (ahead > 0 && ahead < AHEAD_MAX && Number.isInteger(ahead) && frameAt(bytes, at)) return true;
  }
  return false;
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}
