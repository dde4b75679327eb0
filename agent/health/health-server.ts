import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../core/ports/logger.ts';

export interface HealthServerOptions {
  /** 0 = any free one. */
  readonly port: number;
  readonly log: Logger;
  /** What is wrong with the agent itself; empty = nothing. An engine or control plane that is away is said, and isn't its fault. */
  readonly health: () => { readonly problems: readonly string[]; readonly facts: Record<string, unknown> };
  readonly metrics: () => string;
  /** What is wrong with this host's network. Takes a few seconds. */
  readonly diagnosis: () => Promise<object>;
}

/** `GET /healthz`, `GET /metrics` and `GET /diagnosis` on loopback. A port that is taken costs these two only. */
export async function startHealthServer({
  port,
  log,
  health,
  metrics,
  diagnosis,
}: HealthServerOptions): Promise<{ port: number; close(): void }> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
    else if (path === '/healthz') {
      const { problems, facts } = health();
      const body = JSON.stringify({ ok: problems.length === 0, problems, ...facts });
      response.writeHead(problems.length === 0 ? 200 : 503, { 'content-type': 'application/json' }).end(`${body}\n`);
    } else if (path === '/metrics') {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(metrics());
    } else if (path === '/diagnosis') {
      diagnosis().then(
        (found) => response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(found)}\n`),
        (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`),
      );
    } else response.writeHead(404, { 'content-type': 'text/plain' }).end('there are /healthz, /metrics and /diagnosis\n');
  });
  server.unref();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn(`no /healthz and /metrics: port ${port} on loopback can't be taken; choose another with --health-port`, { reason });
    return { port: 0, close: () => undefined };
  }
  const bound = (server.address() as AddressInfo).port;
  log.info('health and metrics', { url: `http://127.0.0.1:${bound}/healthz` });
  return {
    port: bound,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
