import type { Duplex } from 'node:stream';
import { FRAME_HEADER_BYTES } from './protocol.ts';

const INITIAL_BYTES = 512;

/** Gathers the frames of one turn of the event loop into one write. */
export class Output {
  readonly #socket: Duplex;
  readonly #schedule: (flush: () => void) => void;
  readonly #onFlushed: () => void;
  #buffer: Buffer | undefined;
  #length = 0;
  #scheduled = false;
  #capacity = INITIAL_BYTES;

  /** `schedule`: calls back once everything that can be answered at the moment was. `onFlushed`: something was written. */
  constructor(socket: Duplex, schedule: (flush: () => void) => void, onFlushed: () => void) {
    this.#onFlushed = onFlushed;
    this.#socket = socket;
    this.#schedule = schedule;
  }

  /** Bytes that the peer has not taken. */
  get pendingBytes(): number {
    return this.#length + this.#socket.writableLength;
  }

  frameHeader(length: number, type: number, flags: number, streamId: number): void {
    const at = this.#reserve(FRAME_HEADER_BYTES);
    const buffer = this.#buffer!;
    buffer[at] = length >>> 16;
    buffer[at + 1] = length >>> 8;
    buffer[at + 2] = length;
    buffer[at + 3] = type;
    buffer[at + 4] = flags;
    buffer[at + 5] = streamId >>> 24;
    buffer[at + 6] = streamId >>> 16;
    buffer[at + 7] = streamId >>> 8;
    buffer[at + 8] = streamId;
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#buffer!.writeUInt32BE(value, at);
  }

  uint16(value: number): void {
    const at = this.#reserve(2);
    this.#buffer!.writeUInt16BE(value, at);
  }

  /** Copied: the bytes may be changed afterwards. */
  bytes(bytes: Uint8Array, from = 0, to = bytes.length): void {
    const at = this.#reserve(to - from);
    this.#buffer!.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), at);
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#length === 0) return;
    const bytes = this.#buffer!.subarray(0, this.#length);
    // The next turn will probably need as much.
    this.#capacity = Math.max(INITIAL_BYTES, Math.min(this.#length * 2, 64 * 1024));
    this.#buffer = undefined;
    this.#length = 0;
    if (!this.#socket.writable) return;
    this.#socket.write(bytes);
    this.#onFlushed();
  }

  #reserve(count: number): number {
    const at = this.#length;
    if (!this.#buffer || at + count > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#capacity, (at + count) * 2));
      this.#buffer?.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#length = at + count;
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#schedule(() => this.flush());
    }
    return at;
  }
}
