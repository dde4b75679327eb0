import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { Connections, PushSocket } from './connections.ts';
import { attachUpgrades, refuseUpgrade, requestOf, type UpgradeHandler } from './upgrades.ts';

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

export interface PushUpgrade {
  readonly upgrade: UpgradeHandler;
  /** Alone on a server; with others: attachUpgrades. */
  attach(server: Server): void;
  close(): void;
}

/** A connection that missed a ping for this long is dead, ms. Twice, plus a little, of what NATs drop quietly. */
const PING_INTERVAL_MS = 30_000;
const CLOSE_GRACE_MS = 3_000;

/**
 * Serves `/node/v1/push` on the server's own ports: the embedded stand-in for API Gateway's WebSocket API. Hosts send
 * nothing but pongs; the frame limit is therefore small.
 */
export function pushUpgrade(options: PushUpgradeOptions): PushUpgrade {
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
    const answer = await options.authenticate(requestOf(request));
    if (answer instanceof Response) {
      return refuseUpgrade(socket, answer);
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
    upgrade,
    attach: (server) => attachUpgrades(server, { [options.path]: upgrade }),
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
