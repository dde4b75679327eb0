import { lstat, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { CODE, EtcdError, etcdErrorOf } from '../../core/etcd/errors.ts';
import type { Identity } from '../../core/etcd/identity.ts';
import type { EtcdService } from '../../core/etcd/service.ts';
import { serveGrpc } from '../grpc/serve.ts';
import { DEFAULT_LIMITS, type Http2Limits } from '../http2/limits.ts';
import { type Http2Server, startHttp2Server } from '../http2/server.ts';
import { gatewayListener } from './gateway.ts';
import { type ListenAddress, showListen } from './listen.ts';
import { etcdMethods } from './methods.ts';

export interface EtcdServerOptions {
  readonly service: EtcdService;
  /** Who answers, in the header of each answer. */
  readonly identity: Identity;
  /** One server for each: loopback, a bridge's gateway, a socket file. Port 0 picks a free one. */
  readonly listen: readonly ListenAddress[];
  /** PEM of key and certificate, as Node's TLS has it; without it the connection is plain. */
  readonly tls?: TlsOptions | undefined;
  /** Told of what isn't a client's fault. */
  readonly onError: (error: unknown) => void;
  /** HTTP/1 requests that aren't of the JSON gateway: the v2 API. */
  readonly http?: RequestListener | undefined;
  readonly limits?: Partial<Http2Limits>;
  readonly connectionsMax?: number;
}

export interface EtcdServer {
  /** As they are, with the ports that were picked. */
  readonly listening: readonly ListenAddress[];
  /** Lets calls finish for `grace` milliseconds. Watches are ended at once after it. */
  close(grace?: number): Promise<void>;
}

/** Somebody else listens there, or we may not. The host goes on without its endpoint; the message says what to do. */
export class EtcdListenError extends Error {
  override readonly name = 'EtcdListenError';
  readonly listen: ListenAddress;

  constructor(listen: ListenAddress, cause: NodeJS.ErrnoException) {
    super(explain(listen, cause), { cause });
    this.listen = listen;
  }
}

/** etcd's: --max-request-bytes, and what gRPC may add. */
const MESSAGE_BYTES_MAX = 1.5 * 1024 * 1024 + 512 * 1024;
const HTTP_CHECK_INTERVAL = 1_000;
const MEMORY_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Serves etcd's v3 API to the clients on this host: gRPC and the JSON gateway on one port, as etcd does. Throws EtcdListenError.
 *
 * @example
 * const server = await startEtcdServer({ service, identity, listen: [{ host: '127.0.0.1', port: 2379 }], onError });
 */
export async function startEtcdServer(options: EtcdServerOptions): Promise<EtcdServer> {
  const { service, identity, onError, tls, limits = {} } = options;
  const urls: string[] = [];
  const onStream = serveGrpc({
    methods: etcdMethods({ service, identity, clientUrls: () => urls }),
    statusOf: (error) => statusOf(error, onError),
    messageBytesMax: MESSAGE_BYTES_MAX,
    memoryBytesMax: MEMORY_BYTES_MAX,
  });
  const http = createServer(
    { headersTimeout: limits.frameTimeout ?? DEFAULT_LIMITS.frameTimeout, connectionsCheckingInterval: HTTP_CHECK_INTERVAL },
    gatewayListener({ service, identity, onError, next: options.http }),
  );
  // It never listens itself, but begins to watch for requests that don't get anywhere only when it thinks so.
  http.emit('listening');
  const servers: Http2Server[] = [];
  const close = async (grace?: number) => {
    http.closeIdleConnections();
    await Promise.all(servers.map((server) => server.close(grace)));
    http.closeAllConnections();
    http.close();
  };
  try {
    for (const listen of options.listen) {
      if ('path' in listen) await removeStale(listen.path);
      const server = await startHttp2Server({
        listen,
        onStream,
        onHttp1: (socket) => http.emit('connection', socket),
        tls,
        limits,
        connectionsMax: options.connectionsMax,
      }).catch((error: unknown) => {
        throw new EtcdListenError(listen, error as NodeJS.ErrnoException);
      });
      servers.push(server);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const listening = servers.map((server, n) => listeningAt(options.listen[n]!, server));
  urls.push(...listening.map((listen) => urlOf(listen, tls !== undefined)));
  return { listening, close };
}

/** A socket file that a process left which is no more would be in the way for ever. One that answers is left alone. */
async function removeStale(path: string): Promise<void> {
  const info = await lstat(path).catch(() => undefined);
  if (!info?.isSocket()) return;
  const refused = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
  if (refused) await rm(path, { force: true });
}

function listeningAt(asked: ListenAddress, { address }: Http2Server): ListenAddress {
  return 'path' in asked ? asked : { host: asked.host, port: (address as AddressInfo).port };
}

/** As etcd advertises it. */
function urlOf(listen: ListenAddress, secure: boolean): string {
  if ('path' in listen) return showListen(listen);
  return `${secure ? 'https' : 'http'}://${showListen(listen)}`;
}

function statusOf(error: unknown, onError: (error: unknown) => void): { code: number; message: string } {
  const known = etcdErrorOf(error);
  if (known) return known;
  onError(error);
  return new EtcdError(CODE.internal, "internal error; the agent's log has the details");
}

function explain(listen: ListenAddress, { code, message }: NodeJS.ErrnoException): string {
  const where = showListen(listen);
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use, perhaps by an etcd of its own: stop that, or give the agent another address`;
    case 'EACCES':
      return `${where} may not be listened on: give the agent a port above 1023, or a directory it can write to`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${where} is no address of this host: give the agent one that is`;
    default:
      return `${where} can't be listened on: ${message}`;
  }
}
