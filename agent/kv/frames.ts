import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * A file of frames: length (4 bytes), checksum (8 bytes of SHA-256 over the payload), payload. Whoever reads it learns where what was
 * written whole ends, and whether any of it was changed since.
 */
const HEAD_BYTES = 12;
const CHECKSUM_BYTES = 8;
/** Entries and chunks are below 4 MB: a longer one is no length but damage. */
const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

/** What a file holds isn't what was written. */
export class DamagedFileError extends Error {
  override readonly name = 'DamagedFileError';
}

export function frame(payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  bytes.writeUInt32BE(payload.length, 0);
  checksum(payload).copy(bytes, 4);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}

/** What the payload takes in the file. */
export const frameBytes = (payload: Uint8Array): number => HEAD_BYTES + payload.length;

/** Ends at a frame that isn't all there (a crash in the middle of a write). Throws DamagedFileError at one that was changed. */
export async function* readFrames(path: string): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    held = held.length === 0 ? piece : Buffer.concat([held, piece]);
    let at = 0;
    while (held.length - at >= HEAD_BYTES) {
      const length = held.readUInt32BE(at);
      if (length > PAYLOAD_BYTES_MAX) throw new DamagedFileError(`${path} is damaged: a part of ${length} bytes`);
      const end = at + HEAD_BYTES + length;
      if (held.length < end) break;
      const payload = held.subarray(at + HEAD_BYTES, end);
      if (!checksum(payload).equals(held.subarray(at + 4, at + HEAD_BYTES))) {
        throw new DamagedFileError(`${path} is damaged: a checksum does not match`);
      }
      yield payload;
      at = end;
    }
    held = held.subarray(at);
  }
}

function checksum(payload: Uint8Array): Buffer {
  return createHash('sha256').update(payload).digest().subarray(0, CHECKSUM_BYTES);
}
