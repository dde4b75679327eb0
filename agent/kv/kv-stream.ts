import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { ANSWER_BYTES_MAX } from '../../core/node/kv.ts';
import { encodeFrame, type Frame, FrameReader, KV_STREAM_PATH, KV_STREAM_PROTOCOL } from '../../core/node/kv-stream.ts';
import { byProxy } from '../uplink/by-proxy.ts';
import { connectionProblem } from '../uplink/refusal.ts';
import type { SignedClient } from '../uplink/signed-client.ts';
import { checked, UnreachableError } from './control-plane.ts';
import type { AskOptions } from './questions.ts';

/** The control plane doesn't open such a connection, or can't be reached. */
export class StreamRefusedError extends Error {
  override readonly name = 'StreamRefusedError';
}

const OPEN_MS = 5_000;
/** A single long entry may be more than an answer should be. */
const PAYLOAD_BYTES_MAX = 2 * ANSWER_BYTES_MAX + 64_000_000;

/** Opens the kept connection. Throws StreamRefusedError. */
export function openKvStream(client: SignedClient, idleMs: number): Promise<KvStream> {
  const { server, ca } = client;
  const url = `${server.href.replace(/\/$/, '')}${KV_STREAM_PATH}`;
  return new Promise((resolve, reject) => {
    const headers = { ...client.headers('GET', url), connection: 'Upgrade', upgrade: KV_STREAM_PROTOCOL };
    const send = server.protocol === 'https:' ? httpsRequest : httpRequest;
    const asked = send(url, { headers, agent: byProxy(server), timeout: OPEN_MS, ...(ca ? { ca } : {}) });
    const refuse = (why: string) => {
      asked.destroy();
      reject(new StreamRefusedError(why));
    };
    asked.once('timeout', () => refuse(`no answer within ${OPEN_MS / 1000} s`));
    asked.on('error', (error) => refuse(connectionProblem(error)));
    asked.once('response', (response: IncomingMessage) => {
      client.learnTime(response.statusCode ?? 0, response.headers);
      refuse(`HTTP ${response.statusCode ?? 0}`);
    });
    asked.once('upgrade', (_response, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(new KvStream(socket, idleMs));
    });
    asked.end();
  });
}

interface Waiting {
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: unknown) => void;
  /** By `performance.now`. */
  readonly overdueAt: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** How often it is looked whether an answer is overdue, or nobody asks any more: timers of each question's own would cost more than the question. */
const LOOK_MS = 250;

/** A kept connection for questions about the key-value store: core/node/kv-stream.ts. */
export class KvStream {
  readonly #socket: Duplex;
  readonly #reader = new FrameReader(PAYLOAD_BYTES_MAX);
  readonly #waiting = new Map<number, Waiting>();
  readonly #idleMs: number;
  readonly #look: NodeJS.Timeout;
  /** Since then nothing is asked or answered. */
  #restsSince = performance.now();
  /** Those of questions that were asked; nearly always one for all. */
  readonly #heeded = new WeakSet<AbortSignal>();
  #asked = 0;
  #end: string | undefined;
  readonly #ended = new AbortController();
  /** Resolves with why it ended. */
  readonly closed: Promise<string>;

  constructor(socket: Duplex, idleMs: number) {
    this.#socket = socket;
    this.#idleMs = idleMs;
    const net = socket as Partial<Pick<import('node:net').Socket, 'setNoDelay' | 'setTimeout' | 'setKeepAlive'>>;
    net.setTimeout?.(0);
    net.setNoDelay?.(true);
    net.setKeepAlive?.(true, 30_000);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#close(connectionProblem(error)));
    socket.on('end', () => this.#close('the control plane ended the connection'));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#close('the connection was closed');
        resolve(this.#end!);
      });
    });
    this.#look = setInterval(() => this.#lookAround(), LOOK_MS).unref();
  }

  get open(): boolean {
    return this.#end === undefined;
  }

  /** Throws as KvQuestions do. Who gets no answer in time ends the connection: it may be dead. */
  ask(kind: number, payload: Uint8Array, { timeoutMs, signal }: AskOptions): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(new UnreachableError(this.#end));
      if (signal?.aborted) return reject(new UnreachableError('stopped'));
      const id = (this.#asked = (this.#asked + 1) % 0x1_0000_0000);
      if (signal) this.#heed(signal);
      this.#restsSince = performance.now();
      this.#waiting.set(id, { resolve, reject, overdueAt: this.#restsSince + timeoutMs, timeoutMs, signal });
      this.#socket.write(encodeFrame(id, kind, payload));
    });
  }

  close(): void {
    this.#close('closed');
  }

  #receive(chunk: Buffer): void {
    let frames: readonly Frame[];
    try {
      frames = this.#reader.push(chunk);
    } catch (error) {
      return this.#close(connectionProblem(error));
    }
    for (const { id, code, payload } of frames) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      try {
        waiting?.resolve(checked({ status: code, headers: {}, body: payload }).body);
      } catch (error) {
        waiting?.reject(error);
      }
    }
    this.#restsSince = performance.now();
  }

  #heed(signal: AbortSignal): void {
    if (this.#heeded.has(signal)) return;
    this.#heeded.add(signal);
    signal.addEventListener('abort', () => this.#drop(signal), { once: true, signal: this.#ended.signal });
  }

  /** The questions that were asked with that signal; undefined: all. */
  #drop(signal: AbortSignal | undefined, why = 'stopped'): void {
    for (const [id, waiting] of this.#waiting) {
      if (signal && waiting.signal !== signal) continue;
      this.#waiting.delete(id);
      waiting.reject(new UnreachableError(why));
    }
  }

  /** One that nobody uses isn't kept for ever. */
  #lookAround(): void {
    const now = performance.now();
    for (const { overdueAt, timeoutMs } of this.#waiting.values()) {
      if (overdueAt <= now) return this.#close(`no answer within ${timeoutMs / 1000} s`);
    }
    if (this.#waiting.size === 0 && now - this.#restsSince >= this.#idleMs) this.#close('nobody asked anything');
  }

  #close(why: string): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    clearInterval(this.#look);
    this.#ended.abort();
    this.#socket.destroy();
    this.#drop(undefined, why);
  }
}
