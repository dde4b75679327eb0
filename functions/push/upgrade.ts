import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { Connections, PushSocket } from './connections.ts';

export interface PushUpgradeOptions {
  readonly path: string;
  readonly connections: Connections;
  /** Checks the signed upgrade request. An error answer is sent as it is. */
  authenticate(request: Request): Promise<HostPrincipal | Response>;
  /** How long hosts may take to say goodbye when we stop, ms. Default 3 s: one that is gone never does. */
  readonly closeGraceMs?: number;
  /** A host connected or disconnected. */
  onChange?(host: HostPrincipal, connected: boolean): void;
}

/** A connection that missed a ping for this long is dead, ms. Twice, plus a little, of what NATs drop quietly. */
const PING_INTERVAL_MS = 30_000;
const CLOSE_GRACE_MS = 3_000;

/**
 * Serves `/node/v1/push` on the server's own ports: the embedded stand-in for API Gateway's WebSocket API. Hosts send
 * nothing but pongs; the frame limit is therefore small. Returns a function that attaches it to one more HTTP server.
 */
export function pushUpgrade(options: PushUpgradeOptions): { attach(server: Server): void; close(): void } {
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: 4096, perMessageDeflate: false });
  const alive = new WeakSet<object>();
  const pinger = setInterval(() => {
    for (const socket of webSockets.clients) {
      if (!alive.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }, PING_INTERVAL_MS);
  pinger.unref();

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const answer = await options.authenticate(toRequest(request));
    if (answer instanceof Response) {
      socket.end(await serialise(answer));
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection: PushSocket = {
        send: (text) => webSocket.send(text),
        close: (code, reason) => webSocket.close(code, reason),
      };
      alive.add(webSocket);
      webSocket.on('pong', () => alive.add(webSocket));
      webSocket.on('error', () => webSocket.terminate());
      webSocket.on('close', () => {
        options.connections.remove(answer, connection);
        options.onChange?.(answer, false);
      });
      options.connections.add(answer, connection);
      options.onChange?.(answer, true);
    });
  }

  return {
    attach(server) {
      server.on('upgrade', (request, socket, head) => {
        socket.on('error', () => socket.destroy());
        // Not by `new URL`, which throws on some of what anyone may send here (`//`): nothing would catch that.
        if (request.url?.split('?', 1)[0] !== options.path) {
          socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
          return;
        }
        upgrade(request, socket, head).catch(() => socket.destroy());
      });
    },
    close() {
      clearInterval(pinger);
      for (const socket of webSockets.clients) socket.close(1001, 'the control plane is going away');
      // A server that closes waits for these sockets, too, and would wait ten times as long for what ws does by itself.
      setTimeout(() => {
        for (const socket of webSockets.clients) socket.terminate();
      }, options.closeGraceMs ?? CLOSE_GRACE_MS).unref();
      webSockets.close();
    },
  };
}

function toRequest(request: IncomingMessage): Request {
  const headers = new Headers();
  for (let i = 0; i < request.rawHeaders.length; i += 2) headers.append(request.rawHeaders[i]!, request.rawHeaders[i + 1]!);
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  return new Request(`${scheme}://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`, {
    method: request.method ?? 'GET',
    headers,
  });
}

async function serialise(response: Response): Promise<string> {
  const body = await response.text();
  const headers = [...response.headers]
    .filter(([name]) => name !== 'content-length')
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${response.status} ${response.statusText || 'Refused'}\r\n${headers.join('')}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}
