import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Connection } from './connection.ts';
import { DEFAULT_LIMITS, type Http2Limits } from './limits.ts';
import { PREFACE } from './protocol.ts';
import type { OnStream } from './transport.ts';

const CONNECTIONS_MAX = 1024;

export interface Http2ServerOptions {
  readonly listen: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly onStream: OnStream;
  /** Takes connections that begin with something else than HTTP/2's preface; without it they are closed. */
  readonly onHttp1?: ((socket: Socket) => void) | undefined;
  readonly tls?: TlsOptions | undefined;
  readonly limits?: Partial<Http2Limits>;
  readonly connectionsMax?: number;
  readonly onError?: (error: Error) => void;
}

export interface Http2Server {
  readonly address: AddressInfo | string;
  readonly connectionCount: number;
  /** Lets open streams finish for `grace` milliseconds, then cuts them. */
  close(grace?: number): Promise<void>;
}

/** Serves HTTP/2 on a port or a socket file. Rejects if it can't be listened on. */
export async function startHttp2Server(options: Http2ServerOptions): Promise<Http2Server> {
  const { listen, tls, onHttp1, onError = () => undefined } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const connections = new Set<Connection>();
  const sockets = new Set<Socket>();
  const schedule = afterThisTurn();
  const total = { streams: 0 };

  const accept = (socket: Socket) => {
    const connection = new Connection({
      socket,
      limits,
      onStream: options.onStream,
      schedule,
      total,
      now: () => performance.now(),
      onClose: (error) => {
        connections.delete(connection);
        if (error) onError(error);
        // Half-closed for long is of no use to anybody.
        setTimeout(() => socket.destroy(), 1000).unref();
      },
    });
    connections.add(connection);
  };
  const onSocket = (socket: Socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    sniff(socket, limits.handshakeTimeout, accept, onHttp1);
  };
  const server = tls ? createTlsServer({ ALPNProtocols: ['h2', 'http/1.1'], ...tls }, onSocket) : createServer(onSocket);
  server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
  server.on('tlsClientError', () => undefined);

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', onError);
  const sweep = setInterval(() => {
    for (const connection of connections) connection.checkTimes();
  }, limits.sweepInterval);
  sweep.unref();

  return {
    address: server.address()!,
    get connectionCount() {
      return sockets.size;
    },
    async close(grace = 0) {
      clearInterval(sweep);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.shutdown();
      const cut = () => {
        for (const connection of connections) connection.destroy();
        for (const socket of sockets) socket.destroy();
      };
      const timer = setTimeout(cut, grace);
      // Connections of HTTP/1 and such that say nothing have nothing to finish.
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Calls back, all at once, when the event loop has handled what is there: answers to many clients cost one system call each. */
function afterThisTurn(): (flush: () => void) => void {
  let waiting: (() => void)[] = [];
  const run = () => {
    const ready = waiting;
    waiting = [];
    for (const flush of ready) flush();
  };
  return (flush) => {
    if (waiting.push(flush) === 1) setImmediate(run);
  };
}

/** Looks at the first bytes: etcd, too, speaks gRPC and JSON on one port. */
function sniff(
  socket: Socket,
  timeout: number,
  http2: (socket: Socket) => void,
  http1: ((socket: Socket) => void) | undefined,
): void {
  if (!http1) return http2(socket);
  let seen = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeout);
  const give = (to: (socket: Socket) => void) => {
    clearTimeout(timer);
    socket.off('data', look);
    socket.off('error', ignore);
    to(socket);
  };
  const ignore = () => undefined;
  const look = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const known = Math.min(seen.length, PREFACE.length);
    const isHttp2 = PREFACE.compare(seen, 0, known, 0, known) === 0;
    if (isHttp2 && known < PREFACE.length) return;
    socket.pause();
    socket.unshift(seen);
    give(isHttp2 ? http2 : http1);
    socket.resume();
  };
  socket.on('error', ignore);
  socket.on('data', look);
  socket.once('close', () => clearTimeout(timer));
}
