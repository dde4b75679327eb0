/**
 * Memory for values that are kept. An ArrayBuffer of its own costs a small value more than itself, in time and in what the garbage collector has to
 * look after: so small ones share blocks. A block lives as long as any value in it, so it is small as well: the least value keeps no more than a kilobyte,
 * two and a half times what is counted for it anyway (state.ts).
 */
const BLOCK_BYTES = 1_024;
/** Longer values have memory of their own. */
const SHARED_BYTES_MAX = BLOCK_BYTES / 4;

let block = newBlock();
let used = 0;

/** A value that is a smaller part than this of the memory that it would keep alive is copied: beside all of that its own bytes don't count. */
export const PART_MIN = 1 / 4;

/** A copy of the bytes from `from` on. */
export function inOwnMemory(bytes: Uint8Array, from = 0, length = bytes.length): Uint8Array {
  const part = new Uint8Array(bytes.buffer, bytes.byteOffset + from, length);
  if (length > SHARED_BYTES_MAX) return new Uint8Array(part);
  if (used + length > BLOCK_BYTES) {
    block = newBlock();
    used = 0;
  }
  const copy = new Uint8Array(block, used, length);
  copy.set(part);
  used += length;
  return copy;
}

/** The value itself, or a copy if it is a small part of a larger block: of what came from a socket, say. */
export function keptAlone(value: Uint8Array): Uint8Array {
  const { byteLength } = value.buffer;
  return byteLength <= BLOCK_BYTES || value.length >= byteLength * PART_MIN ? value : inOwnMemory(value);
}

/** Not filled with zeros, which took longer than the values themselves. */
function newBlock(): ArrayBufferLike {
  return Buffer.allocUnsafeSlow(BLOCK_BYTES).buffer;
}
