import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { ANSWER_BYTES_MAX } from '../../core/node/kv.ts';
import { encodeFrame, type Frame, FrameReader, KV_STREAM_PATH, KV_STREAM_PROTOCOL } from '../../core/node/kv-stream.ts';
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
    const asked = send(url, { headers, agent: false, timeout: OPEN_MS, ...(ca ? { ca } : {}) });
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
  readonly timer: NodeJS.Timeout;
  readonly unheed: () => void;
}

/** A kept connection for questions about the key-value store: core/node/kv-stream.ts. */
export class KvStream {
  readonly #socket: Duplex;
  readonly #reader = new FrameReader(PAYLOAD_BYTES_MAX);
  readonly #waiting = new Map<number, Waiting>();
  readonly #idleMs: number;
  #idle: NodeJS.Timeout | undefined;
  #asked = 0;
  #end: string | undefined;
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
    this.#rest();
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
      const timer = setTimeout(() => this.#close(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
      const abort = () => this.#settle(id)?.reject(new UnreachableError('stopped'));
      signal?.addEventListener('abort', abort, { once: true });
      const unheed = () => signal?.removeEventListener('abort', abort);
      this.#waiting.set(id, { resolve, reject, timer, unheed });
      clearTimeout(this.#idle);
      this.#idle = undefined;
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
      const waiting = this.#settle(id);
      try {
        waiting?.resolve(checked({ status: code, headers: {}, body: payload }).body);
      } catch (error) {
        waiting?.reject(error);
      }
    }
    if (this.#waiting.size === 0) this.#rest();
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (!waiting) return undefined;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.unheed();
    return waiting;
  }

  /** One that nobody uses isn't kept for ever. */
  #rest(): void {
    this.#idle ??= setTimeout(() => this.#close('nobody asked anything'), this.#idleMs);
    this.#idle.unref();
  }

  #close(why: string): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    clearTimeout(this.#idle);
    this.#socket.destroy();
    for (const id of this.#waiting.keys()) this.#settle(id)!.reject(new UnreachableError(why));
  }
}
