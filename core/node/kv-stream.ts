import { ByteReader, ByteWriter } from '../keyspace/bytes.ts';
import type { Sequence } from '../keyspace/types.ts';
import { KV_PATH } from './kv.ts';

/**
 * One kept connection on which a host asks about the cluster's key-value store, instead of a signed HTTP request for each question.
 * It begins as a signed GET of KV_STREAM_PATH with `upgrade: terrane-kv` (RFC 9110, 7.8); after the 101 both sides send frames:
 *
 *     length of what follows (4 bytes) | number of the question (4) | kind of question, or HTTP status of the answer (2) | payload
 *
 * A question's payload is what the HTTP request's body or query says, an answer's is the HTTP answer's body. Answers come in any order.
 */
export const KV_STREAM_PATH = `${KV_PATH}/stream`;
export const KV_STREAM_PROTOCOL = 'terrane-kv';
/** On HTTP answers of a control plane that has such connections; the hosted service has none. */
export const KV_STREAM_HEADER = 'terrane-kv-stream';

export const KV_QUESTION = { calls: 1, tail: 2 } as const;

/** What a host asks of the log: kv.ts's tail. */
export interface TailQuestion {
  readonly after: Sequence;
  /** Make sure that `after` itself is still there. */
  readonly verify: boolean;
  /** There will be something. */
  readonly news: boolean;
  /** Tell this host of commits from now on. */
  readonly watch: boolean;
  /** The newest format of entries that the host reads (entry.ts). Default 1, which those read that don't say. */
  readonly reads?: number;
}

export function encodeTailQuestion({ after, verify, news, watch, reads }: TailQuestion): Uint8Array {
  const out = new ByteWriter();
  out.number(after);
  out.byte((verify ? 1 : 0) | (news ? 2 : 0) | (watch ? 4 : 0));
  if (reads !== undefined) out.number(reads);
  return out.take();
}

/** Throws CorruptLogError. */
export function decodeTailQuestion(bytes: Uint8Array): TailQuestion {
  const input = new ByteReader(bytes);
  const after = input.number();
  const flags = input.byte();
  const reads = input.done ? {} : { reads: input.number() };
  return { after, verify: (flags & 1) !== 0, news: (flags & 2) !== 0, watch: (flags & 4) !== 0, ...reads };
}

export interface Frame {
  /** Of the question, chosen by who asks: 0..2^32-1. */
  readonly id: number;
  readonly code: number;
  readonly payload: Buffer;
}

const LENGTH_BYTES = 4;
const HEAD_BYTES = 6;
/** Pieces that are shorter are put together while a frame isn't whole: each costs some hundred bytes besides. */
const PIECE_BYTES_MIN = 4_096;

/** In one piece, so that it leaves in one write. */
export function encodeFrame(id: number, code: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + HEAD_BYTES + payload.length);
  bytes.writeUInt32BE(HEAD_BYTES + payload.length, 0);
  bytes.writeUInt32BE(id, LENGTH_BYTES);
  bytes.writeUInt16BE(code, LENGTH_BYTES + 4);
  bytes.set(payload, LENGTH_BYTES + HEAD_BYTES);
  return bytes;
}

/** The other side doesn't keep to the format. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Takes a connection's bytes apart. Payloads are parts of what was received: whoever keeps them copies them. */
export class FrameReader {
  readonly #payloadBytesMax: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** There is nothing whole before so many bytes are held. */
  #needed = LENGTH_BYTES;

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** The frames that became whole. Throws FrameError. */
  push(chunk: Buffer): Frame[] {
    this.#hold(chunk);
    if (this.#heldBytes < this.#needed) return [];
    const bytes = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    const frames: Frame[] = [];
    let at = 0;
    for (;;) {
      this.#needed = LENGTH_BYTES;
      if (bytes.length - at < LENGTH_BYTES) break;
      const length = bytes.readUInt32BE(at);
      if (length < HEAD_BYTES || length > HEAD_BYTES + this.#payloadBytesMax) throw new FrameError(`a frame of ${length} bytes`);
      const end = at + LENGTH_BYTES + length;
      this.#needed = LENGTH_BYTES + length;
      if (bytes.length < end) break;
      const head = at + LENGTH_BYTES;
      frames.push({
        id: bytes.readUInt32BE(head),
        code: bytes.readUInt16BE(head + 4),
        payload: bytes.subarray(head + HEAD_BYTES, end),
      });
      at = end;
    }
    this.#heldBytes = bytes.length - at;
    this.#held = this.#heldBytes > 0 ? [bytes.subarray(at)] : [];
    return frames;
  }

  #hold(chunk: Buffer): void {
    this.#heldBytes += chunk.length;
    let piece = chunk;
    // Each byte is copied a few times only: what is put together is never the smaller part.
    for (
      let last = this.#held.at(-1);
      last && last.length < PIECE_BYTES_MIN && last.length <= piece.length;
      last = this.#held.at(-1)
    ) {
      piece = Buffer.concat([last, piece]);
      this.#held.pop();
    }
    this.#held.push(piece);
  }

  /** Pieces held of a frame that isn't whole: few, however small the pieces that come. */
  get pieces(): number {
    return this.#held.length;
  }
}
