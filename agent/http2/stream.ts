import type { Connection } from './connection.ts';
import type { HeaderBlock } from './hpack/encode.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { ERROR, type ErrorCode, StreamError, WINDOW_MAX } from './protocol.ts';
import { readRequest, type RequestHead } from './request-head.ts';
import type { StreamReceiver, TransportStream } from './transport.ts';

const NOBODY: StreamReceiver = { data: () => undefined, end: () => undefined, aborted: () => undefined };

/** One request and its answer: the server's side of a stream (RFC 9113, section 5.1). Idle ones and closed ones have no object. */
export class Stream implements TransportStream {
  receiver: StreamReceiver = NOBODY;
  readonly id: number;
  readonly #connection: Connection;
  readonly #fields: readonly HeaderField[];
  readonly #head: RequestHead;

  /** The client has sent its end (half-closed, remote). */
  ended: boolean;
  /** No more is to be done with it. */
  closed = false;
  /** What the client may still send, and what was consumed without having told it. */
  #receiveWindow: number;
  #unannounced = 0;
  /** Received and not consumed. */
  #outstanding = 0;
  #received = 0;
  /** What we may still send. */
  sendWindow: number;
  #queue: Uint8Array[] | undefined;
  #queueOffset = 0;
  #queueBytes = 0;
  #trailers: HeaderBlock | undefined;
  #headersSent = false;
  #waiting: { readonly bytes: number; readonly resolve: () => void }[] | undefined;

  /** Throws StreamError if the request is malformed. */
  constructor(
    connection: Connection,
    id: number,
    fields: readonly HeaderField[],
    { ended, receiveWindow, sendWindow }: { ended: boolean; receiveWindow: number; sendWindow: number },
  ) {
    this.#connection = connection;
    this.id = id;
    this.#fields = fields;
    this.#head = readRequest(fields);
    this.ended = ended;
    this.#receiveWindow = receiveWindow;
    this.sendWindow = sendWindow;
    if (ended) this.#checkLength();
  }

  get path(): string {
    return this.#head.path;
  }

  get method(): string {
    return this.#head.method;
  }

  header(name: string): string | undefined {
    let value: string | undefined;
    for (const field of this.#fields) {
      if (field.name === name) value = value === undefined ? field.value : `${value},${field.value}`;
    }
    return value;
  }

  // From the client

  /** `flowBytes`: with padding. Throws StreamError. */
  receive(data: Buffer, flowBytes: number, end: boolean): void {
    this.#receiveWindow -= flowBytes;
    this.#outstanding += flowBytes;
    if (this.#receiveWindow < 0) throw new StreamError(ERROR.flowControl, 'more data than the window allows');
    this.#received += data.length;
    if (end) this.ended = true;
    if (end || this.#received > (this.#head.contentLength ?? Number.POSITIVE_INFINITY)) this.#checkLength();
    if (flowBytes > data.length) this.consumed(flowBytes - data.length);
    if (data.length > 0) this.receiver.data(data);
    if (end) this.receiver.end();
  }

  /** The client's trailers came, which end its side. Throws StreamError. */
  receiveTrailers(fields: readonly HeaderField[]): void {
    this.ended = true;
    if (fields.some(({ name, malformed }) => malformed || name.startsWith(':'))) {
      throw new StreamError(ERROR.protocol, 'malformed trailers');
    }
    this.#checkLength();
    this.receiver.end();
  }

  consumed(bytes: number): void {
    const taken = Math.min(bytes, this.#outstanding);
    this.#outstanding -= taken;
    this.#connection.consumed(taken);
    if (this.ended || this.closed) return;
    this.#unannounced += taken;
    if (this.#unannounced < this.#connection.limits.streamWindowBytes / 2) return;
    this.#receiveWindow += this.#unannounced;
    this.#connection.sender.frames.windowUpdate(this.id, this.#unannounced);
    this.#unannounced = 0;
  }

  // To the client

  sendHeaders(block: HeaderBlock): void {
    if (this.closed || this.#headersSent) return;
    this.#headersSent = true;
    this.#connection.sender.headerBlock(this.id, block, false);
  }

  sendData(bytes: Uint8Array): void {
    if (this.closed || this.#trailers || bytes.length === 0) return;
    const sent = this.#queue === undefined ? this.#connection.sender.data(this, bytes, 0) : 0;
    if (sent === bytes.length) return;
    // Copied, as the caller may use the bytes again.
    this.#queue ??= [];
    this.#queue.push(Uint8Array.prototype.slice.call(bytes, sent));
    this.#queueBytes += bytes.length - sent;
    this.#connection.sender.wait(this);
  }

  sendTrailers(block: HeaderBlock): void {
    if (this.closed || this.#trailers) return;
    this.#trailers = block;
    if (this.#queue === undefined) this.#finish(block);
  }

  get unsentBytes(): number {
    return this.#queueBytes;
  }

  drained(bytes: number): Promise<void> {
    if (this.closed || this.#queueBytes < bytes) return Promise.resolve();
    this.#waiting ??= [];
    const waiting = this.#waiting;
    return new Promise((resolve) => waiting.push({ bytes, resolve }));
  }

  reset(code: ErrorCode): void {
    if (!this.closed) this.#connection.resetStream(this.id, code);
  }

  /** Sends of what waits as much as the windows allow. False: there is more. */
  flush(): boolean {
    const queue = this.#queue ?? [];
    while (queue.length > 0) {
      const bytes = queue[0]!;
      const sent = this.#connection.sender.data(this, bytes, this.#queueOffset);
      this.#queueBytes -= sent;
      this.#queueOffset += sent;
      if (this.#queueOffset < bytes.length) break;
      queue.shift();
      this.#queueOffset = 0;
    }
    if (queue.length === 0) this.#queue = undefined;
    this.#wake();
    if (queue.length > 0) return false;
    if (this.#trailers && !this.closed) this.#finish(this.#trailers);
    return true;
  }

  /** Throws StreamError: beyond 2^31-1. */
  widen(bytes: number): void {
    this.sendWindow += bytes;
    if (this.sendWindow > WINDOW_MAX) throw new StreamError(ERROR.flowControl, 'the window is larger than 2^31-1');
  }

  /** Called by the connection once it has forgotten the stream. `aborted`: before both sides had ended. */
  close(aborted: boolean): void {
    this.closed = true;
    // Whoever still holds what came on this stream no longer holds up the others.
    if (this.#outstanding > 0) this.#connection.consumed(this.#outstanding);
    this.#outstanding = 0;
    this.#queue = undefined;
    this.#queueBytes = 0;
    this.#wake();
    if (aborted) this.receiver.aborted();
  }

  #finish(block: HeaderBlock): void {
    this.#connection.sender.headerBlock(this.id, block, true);
    this.#connection.finished(this);
  }

  #wake(): void {
    if (!this.#waiting) return;
    const ready = this.#waiting.filter(({ bytes }) => this.closed || this.#queueBytes < bytes);
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }

  /** RFC 9113, 8.1.1 */
  #checkLength(): void {
    const { contentLength } = this.#head;
    if (contentLength !== undefined && contentLength !== this.#received) {
      throw new StreamError(ERROR.protocol, 'the body is not as long as content-length says');
    }
  }
}
