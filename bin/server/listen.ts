import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { usageError } from '../../cli/errors.ts';
import { getRequestListener } from '@hono/node-server';

/** An address to listen on: `127.0.0.1:7480`, `[::1]:0`. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export function parseListenAddress(text: string, option: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host || !(port <= 65535))
    throw usageError(`${option} ${text}: expected ADDRESS:PORT, for example 127.0.0.1:7480 (port 0 picks a free one)`);
  return { host, port };
}

export interface Tls {
  readonly certPem: string;
  readonly keyPem: string;
}

export type Fetch = Parameters<typeof getRequestListener>[0];

/** A request's headers must be there within this, ms; its body may stream for as long as it likes (logs). */
const HEADERS_TIMEOUT_MS = 20_000;

/** An HTTP server (HTTPS when `tls` is given) for a fetch handler, listening when the promise resolves. */
export async function listen(fetch: Fetch, address: ListenAddress, tls?: Tls): Promise<Server> {
  const listener = getRequestListener(fetch);
  // What can't be written as an answer ends that request. Uncaught it would end the server.
  const handle = (...[request, response]: Parameters<typeof listener>) =>
    void Promise.resolve(listener(request, response)).catch(() => response.destroy());
  const options = { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0, keepAliveTimeout: 75_000 };
  const server = tls
    ? createHttpsServer({ ...options, cert: tls.certPem, key: tls.keyPem }, handle)
    : createHttpServer(options, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, address)));
    server.listen(address.port, address.host, resolve);
  });
  return server;
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Lets requests in progress end, but not for longer than `graceMs`; then closes what is left (watches, log streams). */
export function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}

function explain(error: NodeJS.ErrnoException, address: ListenAddress): Error {
  const where = `${address.host}:${address.port}`;
  if (error.code === 'EADDRINUSE')
    return new Error(`${where} is taken by another program; choose another with --listen or --tls-listen`);
  if (error.code === 'EADDRNOTAVAIL') return new Error(`${where}: this machine has no such address`);
  if (error.code === 'EACCES') return new Error(`${where}: not permitted; ports below 1024 need root`);
  return error;
}
