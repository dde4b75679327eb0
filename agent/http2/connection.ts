import type { Duplex } from 'node:stream';
import { Allowance } from './allowance.ts';
import { FrameReader } from './frame-reader.ts';
import { HeaderAssembly } from './header-assembly.ts';
import { CompressionError, HpackDecoder } from './hpack/decoder.ts';
import type { Http2Limits } from './limits.ts';
import { Patience } from './patience.ts';
import { PingPolicy } from './ping-policy.ts';
import {
  ConnectionError,
  DEFAULT_WINDOW_BYTES,
  ERROR,
  type ErrorCode,
  FLAG,
  FRAME,
  PREFACE,
  SETTING,
  STREAM_ID_MAX,
  StreamError,
  WINDOW_MAX,
} from './protocol.ts';
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
 * The server's side of an HTTP/2 connection (RFC 9113) on any byte stream. Sections are named where a rule isn't obvious; priorities are
 * ignored, as section 5.3.2 allows. Everything a client can make us hold is bounded by `limits`.
 */
export class Connection {
  readonly limits: Http2Limits;
  readonly sender: Sender;
  readonly #options: ConnectionOptions;
  readonly #socket: Duplex;
  readonly #reader: FrameReader;
  readonly #hpack: HpackDecoder;
  readonly #pings: PingPolicy;
  readonly #resets: Allowance;
  readonly #idleFrames: Allowance;
  readonly #streams = new Map<number, Stream>();
  readonly #resetByUs = new RememberedResets();

  #prefaceSeen = 0;
  #settingsSeen = false;
  #assembly: HeaderAssembly | undefined;
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
    this.#reader = new FrameReader((type, flags, id, payload) => this.#frame(type, flags, id, payload));
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
      const rest = this.#prefaceSeen < PREFACE.length ? this.#preface(chunk) : chunk;
      this.#reader.push(rest);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#patience.read(this.#reader.within || this.#assembly !== undefined);
  }

  #fail(error: unknown): void {
    if (error instanceof ConnectionError) return this.destroy(error.code, error.message);
    if (error instanceof CompressionError) return this.destroy(ERROR.compression, error.message);
    this.#error = error as Error;
    this.destroy(ERROR.internal, 'internal error');
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
      // A client can provoke resets of ours as fast as it can send its own (CVE-2025-8671).
      this.#countReset();
      const stream = this.#streams.get(id);
      this.#sendReset(id, error.code);
      if (stream) this.#forget(stream, true);
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
        return this.#rstStream(id, payload);
      case FRAME.settings:
        return this.#settings(flags, id, payload);
      case FRAME.ping:
        return this.#ping(flags, id, payload);
      case FRAME.windowUpdate:
        return this.#windowUpdate(id, payload);
      case FRAME.goaway:
        if (id !== 0) throw new ConnectionError(ERROR.protocol, 'GOAWAY on a stream');
        if (payload.length < 8) throw new ConnectionError(ERROR.frameSize, 'GOAWAY is too short');
        return;
      case FRAME.priority:
        if (id === 0) throw new ConnectionError(ERROR.protocol, 'PRIORITY on the connection');
        this.#countIdle();
        if (payload.length !== 5) throw new StreamError(ERROR.frameSize, 'PRIORITY has five bytes');
        return;
      case FRAME.pushPromise:
        throw new ConnectionError(ERROR.protocol, 'a client does not push');
      default:
        // 5.5: unknown types are passed over.
        this.#countIdle();
    }
  }

  #data(flags: number, id: number, payload: Buffer): void {
    if (id === 0) throw new ConnectionError(ERROR.protocol, 'DATA on the connection');
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < 0) throw new ConnectionError(ERROR.flowControl, 'more data than the connection allows');
    const end = (flags & FLAG.endStream) !== 0;
    if (payload.length === 0 && !end) this.#countIdle();
    const data = unpad(flags, payload, 0);
    const stream = this.#streams.get(id);
    if (stream && !stream.ended) return stream.receive(data, payload.length, end);
    this.consumed(payload.length);
    if (!this.#ignores(id)) this.#refuseClosed(id, 'DATA');
  }

  #headers(flags: number, id: number, payload: Buffer): void {
    if (id === 0) throw new ConnectionError(ERROR.protocol, 'HEADERS on the connection');
    const fragment = unpad(flags, payload, (flags & FLAG.priority) !== 0 ? 5 : 0);
    const end = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) return this.#headerBlock(id, end, fragment);
    this.#assembly = new HeaderAssembly(id, end, fragment, this.limits);
  }

  #continuation(flags: number, payload: Buffer): void {
    const assembly = this.#assembly;
    if (!assembly) throw new ConnectionError(ERROR.protocol, 'CONTINUATION of nothing');
    assembly.add(payload);
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#assembly = undefined;
    this.#headerBlock(assembly.streamId, assembly.endStream, assembly.whole());
  }

  #headerBlock(id: number, end: boolean, block: Buffer): void {
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

  #rstStream(id: number, payload: Buffer): void {
    if (id === 0) throw new ConnectionError(ERROR.protocol, 'RST_STREAM on the connection');
    if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, 'RST_STREAM has four bytes');
    if (id > this.#lastStreamId) throw new ConnectionError(ERROR.protocol, 'RST_STREAM on an idle stream');
    const stream = this.#streams.get(id);
    if (!stream) return this.#countIdle();
    // Opening and resetting costs the client nothing (CVE-2023-44487).
    this.#countReset();
    this.#forget(stream, true);
  }

  #settings(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw new ConnectionError(ERROR.protocol, 'SETTINGS on a stream');
    if ((flags & FLAG.ack) !== 0) {
      if (payload.length > 0) throw new ConnectionError(ERROR.frameSize, 'an acknowledgement of SETTINGS is empty');
      return;
    }
    if (payload.length % 6 !== 0) throw new ConnectionError(ERROR.frameSize, 'SETTINGS has six bytes each');
    if (this.#settingsSeen) this.#countIdle();
    this.#settingsSeen = true;
    this.#patience.settingsCame();
    this.sender.settings(payload, this.#streams.values());
  }

  #ping(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw new ConnectionError(ERROR.protocol, 'PING on a stream');
    if (payload.length !== 8) throw new ConnectionError(ERROR.frameSize, 'PING has eight bytes');
    if ((flags & FLAG.ack) !== 0) {
      if (this.#goingAway === 'announced' && payload.equals(SHUTDOWN_PING)) this.#refuseStreams();
      return;
    }
    this.sender.frames.pingAck(payload);
    this.sender.bound();
    if (!this.#pings.ping(this.#options.now(), this.#streams.size)) {
      throw new ConnectionError(ERROR.enhanceYourCalm, 'too_many_pings');
    }
  }

  #windowUpdate(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(ERROR.frameSize, 'WINDOW_UPDATE has four bytes');
    const bytes = payload.readUInt32BE(0) & WINDOW_MAX;
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
