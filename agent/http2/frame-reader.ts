import { ConnectionError, DEFAULT_FRAME_BYTES_MAX, ERROR, FRAME_HEADER_BYTES } from './protocol.ts';

/** `payload` is only valid during the call. */
export type OnFrame = (type: number, flags: number, streamId: number, payload: Buffer) => void;

/**
 * Cuts a byte stream into frames. What arrives whole is not copied; of a frame in parts at most one is held, so it costs linear time
 * and the size of a frame, however it is cut.
 */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #held: Buffer | undefined;
  #heldLength = 0;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Whether a frame has begun that isn't complete. */
  get within(): boolean {
    return this.#heldLength > 0;
  }

  /** Throws ConnectionError, and what `onFrame` throws. */
  push(chunk: Buffer): void {
    let from = this.#complete(chunk);
    while (chunk.length - from >= FRAME_HEADER_BYTES) {
      const end = from + FRAME_HEADER_BYTES + lengthAt(chunk, from);
      if (end > chunk.length) break;
      this.#emit(chunk, from, end);
      from = end;
    }
    if (from < chunk.length) this.#hold(chunk, from, chunk.length);
  }

  /** Goes on with the frame that is held. Returns how much of the chunk it took. */
  #complete(chunk: Buffer): number {
    let from = 0;
    if (this.#heldLength === 0) return from;
    if (this.#heldLength < FRAME_HEADER_BYTES) {
      from = Math.min(FRAME_HEADER_BYTES - this.#heldLength, chunk.length);
      this.#hold(chunk, 0, from);
      if (this.#heldLength < FRAME_HEADER_BYTES) return from;
    }
    const held = this.#held!;
    const size = FRAME_HEADER_BYTES + lengthAt(held, 0);
    const to = Math.min(from + size - this.#heldLength, chunk.length);
    this.#hold(chunk, from, to);
    if (this.#heldLength < size) return to;
    this.#heldLength = 0;
    this.#emit(held, 0, size);
    return to;
  }

  #hold(chunk: Buffer, from: number, to: number): void {
    this.#held ??= Buffer.allocUnsafe(FRAME_HEADER_BYTES + DEFAULT_FRAME_BYTES_MAX);
    chunk.copy(this.#held, this.#heldLength, from, to);
    this.#heldLength += to - from;
  }

  #emit(bytes: Buffer, from: number, end: number): void {
    const streamId = bytes.readUInt32BE(from + 5) & 0x7fff_ffff;
    this.#onFrame(bytes[from + 3]!, bytes[from + 4]!, streamId, bytes.subarray(from + FRAME_HEADER_BYTES, end));
  }
}

/** We allow no frames larger than the least that must be allowed (RFC 9113, 4.2). */
function lengthAt(bytes: Buffer, from: number): number {
  const length = (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!;
  if (length > DEFAULT_FRAME_BYTES_MAX) throw new ConnectionError(ERROR.frameSize, 'a frame is larger than allowed');
  return length;
}
