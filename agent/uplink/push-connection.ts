import WebSocket from 'ws';
import type { PushMessage } from '../../core/node/push.ts';
import { byProxy } from './by-proxy.ts';
import type { SignedClient } from './signed-client.ts';

export interface PushConnectionOptions {
  readonly client: SignedClient;
  readonly signal: AbortSignal;
  readonly onMessage: (message: PushMessage) => void;
  readonly pingMs: number;
}

/** One WebSocket to the control plane. */
export interface PushConnection {
  /** False if it could not be made. */
  readonly opened: Promise<boolean>;
  /** Why it ended, or was not made. */
  readonly closed: Promise<string>;
  close(): void;
}

const HANDSHAKE_MS = 15_000;
/** A hint or a request is small. */
const MESSAGE_BYTES_MAX = 256 * 1024;

export function pushConnection({ client, signal, onMessage, pingMs }: PushConnectionOptions): PushConnection {
  const url = `${client.server.href.replace(/\/$/, '').replace(/^http/, 'ws')}/node/v1/push`;
  let reason = '';
  let answered = true;
  const socket = new WebSocket(url, {
    headers: client.headers('GET', url),
    agent: byProxy(client.server),
    ...(client.ca ? { ca: client.ca } : {}),
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
  });
  const abort = () => socket.terminate();
  signal.addEventListener('abort', abort, { once: true });
  // What the server sends, a ping too, shows that the way is open.
  const alive = () => {
    answered = true;
  };
  const pinger = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, pingMs);
  socket.on('ping', alive);
  socket.on('pong', alive);
  socket.on('message', (data) => {
    alive();
    const message = parse((data as Buffer).toString('utf8'));
    if (message) onMessage(message);
  });
  socket.on('unexpected-response', (_request, response) => {
    client.learnTime(response.statusCode ?? 0, response.headers);
    reason = `HTTP ${response.statusCode ?? 0}`;
    response.destroy();
    socket.terminate();
  });
  socket.on('error', (error) => {
    reason ||= error.message;
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('close', (code) => {
      clearInterval(pinger);
      signal.removeEventListener('abort', abort);
      resolve(reason || `closed with code ${code}`);
    });
  });
  const opened = new Promise<boolean>((resolve) => socket.on('open', () => resolve(true)));
  return { opened: Promise.race([opened, closed.then(() => false)]), closed, close: () => socket.close(1000) };
}

/** Messages of a newer control plane that we don't know are passed over. */
function parse(text: string): PushMessage | undefined {
  try {
    const message = JSON.parse(text) as PushMessage | null;
    return message && ['hint', 'stream', 'cancel', 'kv'].includes(message.type) ? message : undefined;
  } catch {
    return undefined;
  }
}
