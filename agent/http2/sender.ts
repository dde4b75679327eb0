import type { Duplex } from 'node:stream';
import { FrameWriter } from './frame-writer.ts';
import type { HeaderBlock } from './hpack/encode.ts';
import type { Http2Limits } from './limits.ts';
import { Output } from './output.ts';
import { PeerSettings } from './peer-settings.ts';
import { ConnectionError, DEFAULT_WINDOW_BYTES, ERROR, WINDOW_MAX } from './protocol.ts';

/** Of a stream that has something to send. */
interface SendingStream {
  readonly id: number;
  /** What may still be sent on it. */
  sendWindow: number;
  /** Sends what it may. False: there is more. */
  flush(): boolean;
}

export interface SenderOptions {
  readonly socket: Duplex;
  readonly limits: Pick<Http2Limits, 'outputHighBytes' | 'outputMaxBytes'>;
  readonly schedule: (flush: () => void) => void;
  /** Headers or data went out. */
  readonly onSent: () => void;
  /** More than `outputMaxBytes` wait for a client that takes nothing. */
  readonly onUnread: () => void;
}

/** What leaves a connection: frames as the client's settings and windows (RFC 9113, 5.2 and 6.9) allow, and who waits for room. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #output: Output;
  readonly #frames: FrameWriter;
  readonly #peer = new PeerSettings();
  /** In the order in which they began to wait: each flush begins with the one that has waited longest. */
  readonly #waiting = new Set<SendingStream>();
  #window = DEFAULT_WINDOW_BYTES;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#output = new Output(options.socket, options.schedule, () => this.#afterFlush());
    this.#frames = new FrameWriter(this.#output);
  }

  /** Frames outside of any flow control. What can be provoked is to be followed by `bound`. */
  get frames(): FrameWriter {
    return this.#frames;
  }

  /** Of new streams. */
  get initialWindow(): number {
    return this.#peer.initialWindow;
  }

  headerBlock(id: number, block: HeaderBlock, end: boolean): void {
    this.#frames.headers(id, block, end, this.#peer.frameBytesMax);
    this.#options.onSent();
    this.bound();
  }

  /** Frames as much of `bytes` from `offset` on as windows and the socket allow. Returns how much that was. */
  data(stream: SendingStream, bytes: Uint8Array, offset: number): number {
    let at = offset;
    while (at < bytes.length && this.#output.pendingBytes < this.#options.limits.outputHighBytes) {
      const length = Math.min(bytes.length - at, this.#window, stream.sendWindow, this.#peer.frameBytesMax);
      if (length <= 0) break;
      this.#frames.data(stream.id, bytes, at, at + length);
      this.#window -= length;
      stream.sendWindow -= length;
      at += length;
    }
    this.#options.onSent();
    return at - offset;
  }

  wait(stream: SendingStream): void {
    this.#waiting.add(stream);
  }

  forget(stream: SendingStream): void {
    this.#waiting.delete(stream);
  }

  forgetAll(): void {
    this.#waiting.clear();
  }

  /** SETTINGS came. Throws ConnectionError. */
  settings(payload: Buffer, streams: Iterable<SendingStream>): void {
    const before = this.#peer.initialWindow;
    this.#peer.apply(payload);
    const wider = this.#peer.initialWindow - before;
    for (const stream of streams) {
      // 6.9.2: of the connection, not of the stream.
      if (stream.sendWindow + wider > WINDOW_MAX) throw new ConnectionError(ERROR.flowControl, 'a window is larger than 2^31-1');
      stream.sendWindow += wider;
    }
    this.#frames.settingsAck();
    this.bound();
    if (wider > 0) this.flushWaiting();
  }

  /** The client takes so many bytes more on the connection. Throws ConnectionError. */
  widen(bytes: number): void {
    this.#window += bytes;
    if (this.#window > WINDOW_MAX) throw new ConnectionError(ERROR.flowControl, 'the window is larger than 2^31-1');
    this.flushWaiting();
  }

  /** It takes more on that stream. */
  widened(stream: SendingStream): void {
    if (this.#waiting.has(stream)) this.flushWaiting();
  }

  /** Each that waits gets its turn; who still waits goes behind the others. */
  flushWaiting(): void {
    // As they are now: who goes behind the others gets no second turn.
    const inTurn = Array.from(this.#waiting);
    for (const stream of inTurn) {
      if (this.#window <= 0 || this.#output.pendingBytes >= this.#options.limits.outputHighBytes) break;
      this.#waiting.delete(stream);
      if (!stream.flush()) this.#waiting.add(stream);
    }
    this.#output.flush();
  }

  flush(): void {
    this.#output.flush();
  }

  /** What isn't under flow control (headers, acknowledgements) could otherwise pile up before a client that doesn't read. */
  bound(): void {
    if (this.#output.pendingBytes > this.#options.limits.outputMaxBytes) this.#options.onUnread();
  }

  /** A socket that took everything at once has no `drain` to tell: those who waited for it go on in the next turn. */
  #afterFlush(): void {
    if (this.#waiting.size > 0) this.#options.schedule(() => this.flushWaiting());
  }
}
