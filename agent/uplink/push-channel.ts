import WebSocket from 'ws';
import type { PushMessage } from '../../core/node/push.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { retryDelay } from './jitter.ts';
import type { SignedClient } from './signed-client.ts';

export interface PushChannelOptions {
  readonly client: SignedClient;
  readonly log: Logger;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onMessage: (message: PushMessage) => void;
  /** Connected (again): hints may have been missed meanwhile. */
  readonly onConnected: () => void;
  /** Default 60 s: often enough for NATs and for API Gateway's idle limit of 10 min. */
  readonly pingMs?: number;
}

const PING_MS = 60_000;
const HANDSHAKE_MS = 15_000;
/** A hint or a request is small. */
const MESSAGE_BYTES_MAX = 256 * 1024;

export interface PushChannel {
  connected(): boolean;
  /** The control plane was heard of: don't wait for the back-off. */
  reachable(): void;
}

/** The host's push connection, made again whenever it breaks, until `signal`. The agent works without it, only slower. */
export function pushChannel(options: PushChannelOptions): PushChannel {
  const { client, log, random, signal } = options;
  let failures = 0;
  let connected = false;
  let wake = new AbortController();

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const onConnected = () => {
        connected = true;
        options.onConnected();
      };
      const result = await connectOnce({ ...options, onConnected });
      connected = false;
      if (signal.aborted) return;
      failures = result.opened ? 0 : failures + 1;
      const wait = retryDelay(failures, random);
      // The assignment poll tells when the whole control plane is out of reach; this is only about hints.
      if (failures <= 1) {
        const ended = result.opened ? 'ended' : 'failed';
        log.info(`push connection to ${client.server.host} ${ended}`, { reason: result.reason, retryMs: wait });
      }
      wake = new AbortController();
      await abortableDelay(wait, AbortSignal.any([signal, wake.signal]));
    }
  }

  void run();
  return {
    connected: () => connected,
    reachable() {
      failures = 0;
      wake.abort();
    },
  };
}

function connectOnce({
  client,
  signal,
  onMessage,
  onConnected,
  log,
  pingMs = PING_MS,
}: PushChannelOptions): Promise<{ opened: boolean; reason: string }> {
  const url = `${client.server.href.replace(/\/$/, '').replace(/^http/, 'ws')}/node/v1/push`;
  return new Promise((resolve) => {
    let opened = false;
    let reason = '';
    let answered = true;
    const socket = new WebSocket(url, {
      headers: client.headers('GET', url),
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
    socket.on('open', () => {
      opened = true;
      log.info('push connection open', { server: client.server.host });
      onConnected();
    });
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
    socket.on('close', (code) => {
      clearInterval(pinger);
      signal.removeEventListener('abort', abort);
      resolve({ opened, reason: reason || `closed with code ${code}` });
    });
  });
}

/** Messages of a newer control plane that we don't know are passed over. */
function parse(text: string): PushMessage | undefined {
  try {
    const message = JSON.parse(text) as PushMessage | null;
    return message && ['hint', 'stream', 'cancel'].includes(message.type) ? message : undefined;
  } catch {
    return undefined;
  }
}
