import { FrameReader } from './frame-reader.ts';
import { HeaderAssembly } from './header-assembly.ts';
import type { Http2Limits } from './limits.ts';
import { ConnectionError, ERROR, FLAG, FRAME, PREFACE, StreamError, WINDOW_MAX } from './protocol.ts';

/** What frames say. Payloads are only valid during the call. Each may throw StreamError, which goes to `refuse`, or end the connection by another error. */
export interface FrameHandler {
  /** Without its padding; `flowBytes` with it. */
  data(id: number, data: Buffer, flowBytes: number, end: boolean): void;
  /** All of a header block, however many frames it came in. */
  headers(id: number, block: Buffer, end: boolean): void;
  reset(id: number): void;
  settings(payload: Buffer): void;
  ping(payload: Buffer): void;
  pingAcked(payload: Buffer): void;
  /** `id` 0: of the connection. `bytes` may be 0, which no client may send. */
  windowUpdate(id: number, bytes: number): void;
  /** A frame that leads nowhere: it costs the client nothing and us some work. */
  idle(): void;
  /** What came on that stream was not as it should be. */
  refuse(id: number, error: StreamError): void;
}

/**
 * What a client sends, from bytes to what its frames say: the preface, the order of frames (RFC 9113, 3.4 and 6.10) and their shape (section
 * 6). Which streams there are, and what they allow, is the handler's.
 */
export class FrameIntake {
  readonly #to: FrameHandler;
  readonly #limits: Http2Limits;
  readonly #reader: FrameReader;
  #prefaceSeen = 0;
  #settingsSeen = false;
  #assembly: HeaderAssembly | undefined;
  #closed = false;

  constructor(to: FrameHandler, limits: Http2Limits) {
    this.#to = to;
    this.#limits = limits;
    this.#reader = new FrameReader((type, flags, id, payload) => this.#frame(type, flags, id, payload));
  }

  /** A frame has begun, or a header block, and has not ended. */
  get within(): boolean {
    return this.#reader.within || this.#assembly !== undefined;
  }

  /** Throws ConnectionError, and what the handler throws. */
  push(chunk: Buffer): void {
    this.#reader.push(this.#prefaceSeen < PREFACE.length ? this.#preface(chunk) : chunk);
  }

  /** Nothing is handed on any more, of the same chunk neither. */
  close(): void {
    this.#closed = true;
  }

  /** Returns what follows the preface in the chunk. */
  #preface(chunk: Buffer): Buffer {
    const count = Math.min(PREFACE.length - this.#prefaceSeen, chunk.length);
    if (PREFACE.compare(chunk, 0, count, this.#prefaceSeen, this.#prefaceSeen + count) !== 0) {
      throw new ConnectionError(ERROR.protocol, 'this is not HTTP/2');
    }
    this.#prefaceSeen += count;
    return chunk.subarray(count);
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    if (this.#closed) return;
    if (!this.#settingsSeen && (type !== FRAME.settings || (flags & FLAG.ack) !== 0)) {
      throw new ConnectionError(ERROR.protocol, 'the first frame is not SETTINGS');
    }
    if (this.#assembly && (type !== FRAME.continuation || id !== this.#assembly.streamId)) {
      throw new ConnectionError(ERROR.protocol, 'a header block was not continued');
    }
    try {
      this.#dispatch(type, flags, id, payload);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.#to.refuse(id, error);
    }
  }

  #dispatch(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case FRAME.data:
        return this.#data(flags, id, payload);
      case FRAME.headers:
        return this.#headers(flags, id, payload);
      case FRAME.continuation:
        return this.#continuation(flags, payload);
      case FRAME.rstStream:
        if (id === 0) throw new ConnectionError(ERROR.protocol, 'RST_STREAM on the connection');
        if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, 'RST_STREAM has four bytes');
        return this.#to.reset(id);
      case FRAME.settings:
        return this.#settings(flags, id, payload);
      case FRAME.ping:
        if (id !== 0) throw new ConnectionError(ERROR.protocol, 'PING on a stream');
        if (payload.length !== 8) throw new ConnectionError(ERROR.frameSize, 'PING has eight bytes');
        return (flags & FLAG.ack) !== 0 ? this.#to.pingAcked(payload) : this.#to.ping(payload);
      case FRAME.windowUpdate:
        if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, 'WINDOW_UPDATE has four bytes');
        return this.#to.windowUpdate(id, payload.readUInt32BE(0) & WINDOW_MAX);
      case FRAME.goaway:
        if (id !== 0) throw new ConnectionError(ERROR.protocol, 'GOAWAY on a stream');
        if (payload.length < 8) throw new ConnectionError(ERROR.frameSize, 'GOAWAY is too short');
        return;
      case FRAME.priority:
        if (id === 0) throw new ConnectionError(ERROR.protocol, 'PRIORITY on the connection');
        this.#to.idle();
        if (payload.length !== 5) throw new StreamError(ERROR.frameSize, 'PRIORITY has five bytes');
        return;
      case FRAME.pushPromise:
        throw new ConnectionError(ERROR.protocol, 'a client does not push');
      default:
        // 5.5: unknown types are passed over.
        this.#to.idle();
    }
  }

  #data(flags: number, id: number, payload: Buffer): void {
    if (id === 0) throw new ConnectionError(ERROR.protocol, 'DATA on the connection');
    const end = (flags & FLAG.endStream) !== 0;
    if (payload.length === 0 && !end) this.#to.idle();
    this.#to.data(id, unpad(flags, payload, 0), payload.length, end);
  }

  #headers(flags: number, id: number, payload: Buffer): void {
    if (id === 0) throw new ConnectionError(ERROR.protocol, 'HEADERS on the connection');
    const fragment = unpad(flags, payload, (flags & FLAG.priority) !== 0 ? 5 : 0);
    const end = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) return this.#to.headers(id, fragment, end);
    this.#assembly = new HeaderAssembly(id, end, fragment, this.#limits);
  }

  #continuation(flags: number, payload: Buffer): void {
    const assembly = this.#assembly;
    if (!assembly) throw new ConnectionError(ERROR.protocol, 'CONTINUATION of nothing');
    assembly.add(payload);
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#assembly = undefined;
    this.#to.headers(assembly.streamId, assembly.whole(), assembly.endStream);
  }

  #settings(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw new ConnectionError(ERROR.protocol, 'SETTINGS on a stream');
    if ((flags & FLAG.ack) !== 0) {
      if (payload.length > 0) throw new ConnectionError(ERROR.frameSize, 'an acknowledgement of SETTINGS is empty');
      return;
    }
    if (payload.length % 6 !== 0) throw new ConnectionError(ERROR.frameSize, 'SETTINGS has six bytes each');
    if (this.#settingsSeen) this.#to.idle();
    this.#settingsSeen = true;
    this.#to.settings(payload);
  }
}

/** Without padding, and without what else lies before the content (`prefixBytes`). Throws ConnectionError. */
function unpad(flags: number, payload: Buffer, prefixBytes: number): Buffer {
  const padded = (flags & FLAG.padded) !== 0;
  if (!padded && prefixBytes === 0) return payload;
  const from = (padded ? 1 : 0) + prefixBytes;
  const to = payload.length - (padded ? (payload[0] ?? 0) : 0);
  if (payload.length < from) throw new ConnectionError(ERROR.frameSize, 'a frame is too short for its flags');
  if (to < from) throw new ConnectionError(ERROR.protocol, 'the padding is longer than the frame');
  return payload.subarray(from, to);
}
