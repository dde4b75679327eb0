import type { Duplex } from 'node:stream';
import { Allowance } from './allowance.ts';
import { type FrameHandler, FrameIntake } from './frame-intake.ts';
import { CompressionError, HpackDecoder } from './hpack/decoder.ts';
import type { Http2Limits } from './limits.ts';
import { Patience } from './patience.ts';
import { PingPolicy } from './ping-policy.ts';
import { ConnectionError, DEFAULT_WINDOW_BYTES, ERROR, type ErrorCode, SETTING, STREAM_ID_MAX, StreamError } from './protocol.ts';
import { RememberedResets } from './remembered-resets.ts';
import { Sender } from './sender.ts';
import { Stream } from './stream.ts';
import type { OnStream } from './transport.ts';

const HEADER_TABLE_BYTES = 4096;

export interface ConnectionOptions {
  readonly socket: Duplex;
  readonly limits: Http2Limits;
  readonly onStream: OnStream;
  /** Called once, when nothing is left. `error`: why it was cut; undefined: it ended in peace. */
  readonly onClose: (error: Error | undefined) => void;
  readonly schedule: (flush: () => void) => void;
  /** Milliseconds that only go forward. */
  readonly now: () => number;
  /** Streams of all connections of the server. */
  readonly total: { streams: number };
}

/**
 * The server's side of an HTTP/2 connection (RFC 9113) on any byte stream: its streams, its windows, and how it ends. Sections are named where a rule isn't obvious; priorities are
 * ignored, as section 5.3.2 allows. Everything a client can make us hold is bounded by `limits`.
 */
export class Connection {
  readonly limits: Http2Limits;
  readonly sender: Sender;
  readonly #options: ConnectionOptions;
  readonly #socket: Duplex;
  readonly #intake: FrameIntake;
  readonly #hpack: HpackDecoder;
  readonly #pings: PingPolicy;
  readonly #resets: Allowance;
  readonly #idleFrames: Allowance;
  readonly #streams = new Map<number, Stream>();
  readonly #resetByUs = new RememberedResets();

  #lastStreamId = 0;
  #receiveWindow = DEFAULT_WINDOW_BYTES;
  #unannounced = 0;
  #goingAway: 'no' | 'announced' | 'refusing' = 'no';
  #closed = false;
  #error: Error | undefined;
  readonly #patience: Patience;

  constructor(options: ConnectionOptions) {
    const { socket, limits } = options;
    this.#options = options;
    this.limits = limits;
    this.#socket = socket;
    this.sender = new Sender({
      socket,
      limits,
      schedule: options.schedule,
      onSent: () => this.#pings.sent(),
      onUnread: () => this.#notRead(),
    });
    this.#intake = new FrameIntake(this.#handler(), limits);
    this.#hpack = new HpackDecoder({ tableBytesMax: HEADER_TABLE_BYTES, listBytesMax: limits.headerListBytes });
    this.#pings = new PingPolicy(limits.pingInterval);
    this.#resets = new Allowance(limits.resets);
    this.#idleFrames = new Allowance(limits.idleFrames);
    this.#patience = new Patience(limits, options.now());
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.sender.flushWaiting());
    socket.on('end', () => this.#gone(undefined));
    socket.on('error', (error: Error) => this.#gone(error));
    socket.on('close', () => this.#gone(undefined));
    this.#greet();
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** No new streams; those that are open may finish. Closes when they have. */
  shutdown(): void {
    if (this.#closed || this.#goingAway !== 'no') return;
    // 6.8: the client may have opened streams that we haven't seen; the ping's answer comes after those.
    this.#goingAway = 'announced';
    this.sender.frames.goaway(STREAM_ID_MAX, ERROR.none, '');
    this.sender.frames.ping(SHUTDOWN_PING);
  }

  /** Cuts the connection, having said why. */
  destroy(code: ErrorCode = ERROR.none, why = ''): void {
    if (this.#closed) return;
    this.sender.frames.goaway(this.#lastStreamId, code, why);
    this.sender.flush();
    this.#socket.end();
    this.#gone(code === ERROR.none ? undefined : new ConnectionError(code, why));
  }

  /** To be called every few seconds: what should have come and didn't. */
  checkTimes(): void {
    if (this.#closed) return;
    switch (this.#patience.check(this.#options.now())) {
      case 'no settings':
        return this.destroy(ERROR.settingsTimeout, 'no settings in time');
      case 'half a frame':
        return this.destroy(ERROR.enhanceYourCalm, 'a frame was begun and not completed');
      case 'no answer':
        return this.destroy(ERROR.none, 'no answer to a ping');
      case 'ask':
        return this.sender.frames.ping(KEEPALIVE_PING);
      case undefined:
    }
  }

  // For streams

  consumed(bytes: number): void {
    this.#unannounced += bytes;
    if (this.#closed || this.#unannounced < this.limits.connectionWindowBytes / 2) return;
    this.#receiveWindow += this.#unannounced;
    this.sender.frames.windowUpdate(0, this.#unannounced);
    this.#unannounced = 0;
  }

  /** Our side has ended. */
  finished(stream: Stream): void {
    if (!stream.ended) {
      // 8.1: the answer doesn't depend on what the client still sends.
      this.#sendReset(stream.id, ERROR.none);
    }
    this.#forget(stream, false);
  }

  resetStream(id: number, code: ErrorCode): void {
    const stream = this.#streams.get(id);
    this.#sendReset(id, code);
    if (stream) this.#forget(stream, false);
  }

  // Receiving

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    this.#patience.heard(this.#options.now());
    try {
      this.#intake.push(chunk);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#patience.read(this.#intake.within);
  }

  #fail(error: unknown): void {
    if (error instanceof ConnectionError) return this.destroy(error.code, error.message);
    if (error instanceof CompressionError) return this.destroy(ERROR.compression, error.message);
    this.#error = error as Error;
    this.destroy(ERROR.internal, 'internal error');
  }

  #handler(): FrameHandler {
    return {
      data: (id, data, flowBytes, end) => this.#data(id, data, flowBytes, end),
      headers: (id, block, end) => this.#headers(id, block, end),
      reset: (id) => this.#reset(id),
      settings: (payload) => {
        this.#patience.settingsCame();
        this.sender.settings(payload, this.#streams.values());
      },
      ping: (payload) => this.#ping(payload),
      pingAcked: (payload) => {
        if (this.#goingAway === 'announced' && payload.equals(SHUTDOWN_PING)) this.#refuseStreams();
      },
      windowUpdate: (id, bytes) => this.#windowUpdate(id, bytes),
      idle: () => this.#countIdle(),
      refuse: (id, { code }) => {
        // A client can provoke resets of ours as fast as it can send its own (CVE-2025-8671).
        this.#countReset();
        const stream = this.#streams.get(id);
        this.#sendReset(id, code);
        if (stream) this.#forget(stream, true);
      },
    };
  }

  #data(id: number, data: Buffer, flowBytes: number, end: boolean): void {
    this.#receiveWindow -= flowBytes;
    if (this.#receiveWindow < 0) throw new ConnectionError(ERROR.flowControl, 'more data than the connection allows');
    const stream = this.#streams.get(id);
    if (stream && !stream.ended) return stream.receive(data, flowBytes, end);
    this.consumed(flowBytes);
    if (!this.#ignores(id)) this.#refuseClosed(id, 'DATA');
  }

  #headers(id: number, block: Buffer, end: boolean): void {
    // Decoded whatever becomes of it, as it changes the table.
    const { fields, tooLarge } = this.#hpack.decode(block);
    const stream = this.#streams.get(id);
    if (stream) {
      if (stream.ended) throw new StreamError(ERROR.streamClosed, 'HEADERS after the end');
      if (!end) throw new StreamError(ERROR.protocol, 'trailers that are not the end');
      return stream.receiveTrailers(fields);
    }
    if (id <= this.#lastStreamId) {
      if (!this.#ignores(id)) this.#refuseClosed(id, 'HEADERS');
      return;
    }
    if (id % 2 === 0) throw new ConnectionError(ERROR.protocol, 'a client opens odd streams');
    if (this.#goingAway === 'refusing') return;
    this.#lastStreamId = id;
    if (tooLarge) throw new StreamError(ERROR.enhanceYourCalm, 'the header list is too large');
    const { concurrentStreams, serverStreams } = this.limits;
    if (this.#streams.size >= concurrentStreams || this.#options.total.streams >= serverStreams) {
      throw new StreamError(ERROR.refusedStream, 'too many streams');
    }
    this.#open(id, end, fields);
  }

  #open(id: number, ended: boolean, fields: ConstructorParameters<typeof Stream>[2]): void {
    const stream = new Stream(this, id, fields, {
      ended,
      receiveWindow: this.limits.streamWindowBytes,
      sendWindow: this.sender.initialWindow,
    });
    this.#streams.set(id, stream);
    this.#options.total.streams++;
    this.#options.onStream(stream);
    if (ended && !stream.closed) stream.receiver.end();
  }

  #reset(id: number): void {
    if (id > this.#lastStreamId) throw new ConnectionError(ERROR.protocol, 'RST_STREAM on an idle stream');
    const stream = this.#streams.get(id);
    if (!stream) return this.#countIdle();
    // Opening and resetting costs the client nothing (CVE-2023-44487).
    this.#countReset();
    this.#forget(stream, true);
  }

  #ping(payload: Buffer): void {
    this.sender.frames.pingAck(payload);
    this.sender.bound();
    if (!this.#pings.ping(this.#options.now(), this.#streams.size)) {
      throw new ConnectionError(ERROR.enhanceYourCalm, 'too_many_pings');
    }
  }

  #windowUpdate(id: number, bytes: number): void {
    if (id === 0) {
      if (bytes === 0) throw new ConnectionError(ERROR.protocol, 'WINDOW_UPDATE of nothing');
      return this.sender.widen(bytes);
    }
    if (id > this.#lastStreamId) throw new ConnectionError(ERROR.protocol, 'WINDOW_UPDATE on an idle stream');
    if (bytes === 0) throw new StreamError(ERROR.protocol, 'WINDOW_UPDATE of nothing');
    const stream = this.#streams.get(id);
    if (!stream) return;
    stream.widen(bytes);
    this.sender.widened(stream);
  }

  // Sending

  #greet(): void {
    const { concurrentStreams, streamWindowBytes, headerListBytes, connectionWindowBytes } = this.limits;
    this.sender.frames.settings([
      [SETTING.maxConcurrentStreams, concurrentStreams],
      [SETTING.initialWindowSize, streamWindowBytes],
      [SETTING.maxHeaderListSize, headerListBytes],
    ]);
    this.#receiveWindow = connectionWindowBytes;
    if (connectionWindowBytes > DEFAULT_WINDOW_BYTES) {
      this.sender.frames.windowUpdate(0, connectionWindowBytes - DEFAULT_WINDOW_BYTES);
    }
  }

  #notRead(): void {
    this.#gone(new ConnectionError(ERROR.enhanceYourCalm, 'the client does not read what it asked for'));
    this.#socket.destroy();
  }

  #sendReset(id: number, code: ErrorCode): void {
    this.sender.frames.reset(id, code);
    this.#resetByUs.add(id);
    this.sender.bound();
  }

  #refuseStreams(): void {
    this.#goingAway = 'refusing';
    this.sender.frames.goaway(this.#lastStreamId, ERROR.none, '');
    if (this.#streams.size === 0) this.#closeInPeace();
  }

  #closeInPeace(): void {
    this.sender.flush();
    this.#socket.end();
    this.#gone(undefined);
  }

  // Accounts

  #ignores(id: number): boolean {
    return this.#resetByUs.has(id) || (this.#goingAway === 'refusing' && id > this.#lastStreamId);
  }

  /** 5.1: what comes for a stream that isn't open. */
  #refuseClosed(id: number, what: string): never {
    if (id > this.#lastStreamId) throw new ConnectionError(ERROR.protocol, `${what} on an idle stream`);
    throw new ConnectionError(ERROR.streamClosed, `${what} on a closed stream`);
  }

  #countReset(): void {
    if (!this.#resets.take(this.#options.now())) throw new ConnectionError(ERROR.enhanceYourCalm, 'too many resets');
  }

  #countIdle(): void {
    if (!this.#idleFrames.take(this.#options.now())) {
      throw new ConnectionError(ERROR.enhanceYourCalm, 'too many frames that lead nowhere');
    }
  }

  #forget(stream: Stream, aborted: boolean): void {
    if (this.#streams.delete(stream.id)) this.#options.total.streams--;
    this.sender.forget(stream);
    stream.close(aborted);
    if (this.#goingAway === 'refusing' && this.#streams.size === 0) this.#closeInPeace();
  }

  #gone(error: Error | undefined): void {
    this.#error ??= error;
    if (this.#closed) return;
    this.#closed = true;
    this.#intake.close();
    const streams = [...this.#streams.values()];
    this.#options.total.streams -= streams.length;
    this.#streams.clear();
    this.sender.forgetAll();
    for (const stream of streams) stream.close(true);
    if (!this.#socket.writableEnded) this.#socket.end();
    this.#options.onClose(this.#error);
  }
}

const SHUTDOWN_PING = Buffer.from('shutdown', 'latin1');
const KEEPALIVE_PING = Buffer.from('are you?', 'latin1');
