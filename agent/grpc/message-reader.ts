import { GrpcError, STATUS } from './status.ts';

/** One byte that says whether it is compressed, four that say how long it is (gRPC over HTTP/2, Length-Prefixed-Message). */
export const PREFIX_BYTES = 5;

/** Bytes of unfinished messages, of all calls together: what many slow senders can make a process hold. */
export class MessageMemory {
  readonly #max: number;
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get used(): number {
    return this.#used;
  }

  /** Throws GrpcError when it is full. */
  take(bytes: number): void {
    if (this.#used + bytes > this.#max) {
      throw new GrpcError(STATUS.resourceExhausted, 'grpc: too many large requests at once, try again later');
    }
    this.#used += bytes;
  }

  free(bytes: number): void {
    this.#used -= bytes;
  }
}

/** Whether that is exactly one message, as most requests are: it needs nobody who puts it together. */
export function isWhole(bytes: Buffer, bytesMax: number): boolean {
  const length = bytes.length - PREFIX_BYTES;
  return length >= 0 && length <= bytesMax && bytes[0] === 0 && bytes.readUInt32BE(1) === length;
}

/** Puts messages together from the data of a stream. What comes in one piece isn't copied. */
export class MessageReader {
  readonly #onMessage: (message: Buffer) => void;
  readonly #bytesMax: number;
  readonly #memory: MessageMemory;
  #parts: Buffer[] = [];
  #held = 0;
  /** Of the message that is held, with its prefix, once that is known. */
  #size: number | undefined;

  /** `onMessage` gets bytes that are only valid during the call. */
  constructor(onMessage: (message: Buffer) => void, bytesMax: number, memory: MessageMemory) {
    this.#onMessage = onMessage;
    this.#bytesMax = bytesMax;
    this.#memory = memory;
  }

  /** Whether a message has begun that isn't complete. */
  get within(): boolean {
    return this.#held > 0;
  }

  /** Throws GrpcError. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#held === 0) {
        const size = rest.length >= PREFIX_BYTES ? this.#sizeOf(rest) : undefined;
        if (size === undefined || size > rest.length) {
          this.#hold(rest);
          return;
        }
        this.#onMessage(rest.subarray(PREFIX_BYTES, size));
        rest = rest.subarray(size);
        continue;
      }
      rest = this.#goOn(rest);
    }
  }

  /** Nothing more comes. */
  clear(): void {
    this.#memory.free(this.#held);
    this.#parts = [];
    this.#held = 0;
  }

  #goOn(chunk: Buffer): Buffer {
    const wanted = (this.#size ?? PREFIX_BYTES) - this.#held;
    this.#hold(chunk.subarray(0, wanted));
    const rest = chunk.subarray(Math.min(wanted, chunk.length));
    if (this.#size === undefined && this.#held >= PREFIX_BYTES) {
      this.#parts = [Buffer.concat(this.#parts)];
      this.#size = this.#sizeOf(this.#parts[0]!);
    }
    if (this.#size === undefined || this.#held < this.#size) return rest;
    const message = Buffer.concat(this.#parts).subarray(PREFIX_BYTES);
    this.clear();
    this.#size = undefined;
    this.#onMessage(message);
    return rest;
  }

  #hold(part: Buffer): void {
    this.#memory.take(part.length);
    this.#parts.push(Buffer.from(part));
    this.#held += part.length;
    if (this.#parts.length === 1 && this.#held >= PREFIX_BYTES) this.#size = this.#sizeOf(part);
    // Many small parts cost more than they hold.
    if (this.#parts.length >= PARTS_MAX) this.#parts = [Buffer.concat(this.#parts)];
  }

  #sizeOf(bytes: Buffer): number {
    const compressed = bytes[0]!;
    if (compressed !== 0) {
      throw new GrpcError(STATUS.internal, 'grpc: compressed flag set with identity or empty encoding');
    }
    const length = bytes.readUInt32BE(1);
    if (length > this.#bytesMax) {
      throw new GrpcError(STATUS.resourceExhausted, `grpc: received message larger than max (${length} vs. ${this.#bytesMax})`);
    }
    return PREFIX_BYTES + length;
  }
}

const PARTS_MAX = 256;
