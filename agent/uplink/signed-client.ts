import type { KeyObject } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { signRequest } from '../../core/node/http-signature.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { ServerTime } from '../clock-offset.ts';
import { byProxy } from './by-proxy.ts';

/** HTTP to the control plane, each request signed with the host's key. Connections are kept alive. */
export interface SignedClient {
  readonly server: URL;
  /** PEM, or undefined for the system's authorities. */
  readonly ca: string | undefined;
  send(request: SignedRequest): Promise<Answer>;
  /** Signed headers for `url`, for a connection that this client doesn't make itself (WebSocket). */
  headers(method: string, url: string): Record<string, string>;
  /** A header `terrane-server-time` of a refusal: true if it taught something, so that a second try makes sense. */
  learnTime(status: number, headers: IncomingMessage['headers']): boolean;
  close(): void;
}

/** As SignedClient's `send`, for answers that are no text. */
export interface BytesClient {
  sendBytes(request: SignedRequest): Promise<BytesAnswer>;
}

export interface SignedRequest {
  readonly method: 'GET' | 'POST';
  /** Below the server's URL, e.g. `/node/v1/report`. */
  readonly path: string;
  /** Text is JSON. */
  readonly body?: string | Uint8Array | Readable;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** For the whole answer; 0 = none. Default 30 s. */
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface BytesAnswer extends Omit<Answer, 'body'> {
  readonly body: Buffer;
}

export interface SignedClientOptions {
  readonly server: URL;
  readonly ca: string | undefined;
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly time: ServerTime;
  readonly log: Logger;
}

const SERVER_TIME_HEADER = 'terrane-server-time';
const decompress = promisify(gunzip);
const ANSWER_TIMEOUT_MS = 30_000;
/** An assignment of a full host with large ConfigMaps fits; an endless answer doesn't. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export function signedClient({ server, ca, keyId, privateKey, time, log }: SignedClientOptions): SignedClient & BytesClient {
  const secure = server.protocol === 'https:';
  const agent = byProxy(server, { keepAlive: true, maxFreeSockets: 2, ...(ca ? { ca } : {}) });
  const base = server.href.replace(/\/$/, '');

  const sign = (method: string, url: string, body: string | Uint8Array | { streamed: true } | undefined) =>
    signRequest(
      { method, url, ...(body === undefined ? {} : { body }) },
      { keyId, privateKey, created: time.now(), nonce: randomBytes(12).toString('base64url') },
    );

  function learnTime(status: number, headers: IncomingMessage['headers']): boolean {
    const serverNow = Number(headers[SERVER_TIME_HEADER]);
    if (status !== 401 || !Number.isFinite(serverNow) || serverNow <= 0) return false;
    const off = Math.round(time.learn(serverNow) / 1000);
    if (Math.abs(off) < 5) return false;
    log.warn("this host's clock differs from the control plane's; requests are signed with the control plane's time", {
      aheadSeconds: off,
    });
    return true;
  }

  function once(request: SignedRequest, again = false): Promise<BytesAnswer> {
    const { method, path, body, headers, signal, timeoutMs = ANSWER_TIMEOUT_MS } = request;
    const url = base + path;
    const streamed = isStream(body);
    const signed = sign(method, url, streamed ? { streamed: true } : body);
    const all: Record<string, string> = { ...headers, ...signed };
    if (body !== undefined && !streamed) {
      const text = typeof body === 'string';
      all['content-type'] = text ? 'application/json' : 'application/octet-stream';
      all['content-length'] = String(text ? Buffer.byteLength(body) : body.length);
    }
    return new Promise((resolve, reject) => {
      const send = secure ? httpsRequest : httpRequest;
      const sent = send(url, { method, headers: all, agent, ...(signal ? { signal } : {}) }, (response) => {
        const told = Date.parse(response.headers.date ?? '');
        if (!Number.isNaN(told)) time.observe(told);
        readBody(response).then((bytes) => {
          clearTimeout(timer);
          // A stream is answered when its reader has had enough, or refused it.
          if (streamed) {
            body.destroy();
            sent.destroy();
          }
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes });
        }, fail);
      });
      const timer =
        timeoutMs > 0
          ? setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
          : undefined;
      const fail = (error: Error) => {
        clearTimeout(timer);
        if (streamed) body.destroy();
        reject(error);
      };
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed an idle connection just as it was taken for this request, which it therefore hasn't seen.
        const unseen = error.code === 'ECONNRESET' && sent.reusedSocket && !streamed && !again;
        if (!unseen) return fail(error);
        clearTimeout(timer);
        resolve(once(request, true));
      });
      if (!streamed) sent.end(body);
      else {
        body.on('error', (error) => sent.destroy(error));
        // Bytes are passed on as they come: who follows a log waits for each line.
        sent.flushHeaders();
        body.pipe(sent);
      }
    });
  }

  async function sendBytes(request: SignedRequest): Promise<BytesAnswer> {
    const answer = await once(request);
    // A stream can't be sent twice; whoever asked for it asks again.
    if (learnTime(answer.status, answer.headers) && !isStream(request.body)) return await once(request);
    return answer;
  }

  return {
    server,
    ca,
    async send(request) {
      const { body, ...answer } = await sendBytes(request);
      return { ...answer, body: await textOf(body, answer.headers['content-encoding']) };
    },
    sendBytes,
    headers: (method, url) => sign(method, url, undefined),
    learnTime,
    close: () => agent.destroy(),
  };
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw new Error(`the answer is larger than ${ANSWER_BYTES_MAX / 1024 / 1024} MB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Only who says that it takes gzip gets it. */
async function textOf(body: Buffer, encoding: string | undefined): Promise<string> {
  const plain = encoding === 'gzip' ? await decompress(body, { maxOutputLength: ANSWER_BYTES_MAX }) : body;
  return plain.toString('utf8');
}

function isStream(body: SignedRequest['body']): body is Readable {
  return typeof body === 'object' && !(body instanceof Uint8Array);
}
