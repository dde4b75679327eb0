import { Hono } from 'hono';
import type { Context } from 'hono';
import { atLeast } from '../../../core/accounts/roles.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { EtcdError } from '../../../core/etcd/errors.ts';
import { identityOf } from '../../../core/etcd/identity.ts';
import { BODY_BYTES_MAX, GATEWAY_PATHS, type GatewayAnswer, gatewayAnswer, refusal } from '../../../core/etcd/json/gateway.ts';
import { ETCD_VERSION } from '../../../core/etcd/methods/maintenance.ts';
import { readOnlyService } from '../../../core/etcd/read-only-service.ts';
import type { EtcdCaller } from '../../../core/etcd/service.ts';
import type { ApiEnv } from '../../context.ts';
import type { EtcdServices } from '../../etcd/services.ts';
import { isStoreTrouble } from '../../store-trouble.ts';
import { readBytes } from '../../read-body.ts';
import { serveRestore } from './restore.ts';
import { lineStream } from '../kube/stream.ts';

export interface EtcdDeps {
  readonly services: EtcdServices;
  /** Called for errors that are the server's fault; the client gets a 500 without details. */
  onError?(error: unknown, requestId: string): void;
  /** Aborted when the server stops: open watches then end, and clients come back to another server. */
  readonly shutdown?: AbortSignal;
}

const OPEN_SECONDS_MAX = 24 * 3600;

/**
 * etcd's JSON gateway over a cluster's key-value store, as etcd 3.4 serves it (docs/etcd-api.md). Mount it under
 * `/clusters/:cluster/etcd`, behind middleware that has set `principal` and `cluster`, and before whatever takes all of a cluster's
 * paths. Viewers may read.
 *
 * @example
 * app.use('/clusters/:cluster/*', authenticate, requireCluster);
 * app.route('/clusters/:cluster/etcd', createEtcd({ services }));
 */
export function createEtcd(deps: EtcdDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  for (const path of GATEWAY_PATHS) {
    app.post(path, async (c) => {
      const end = new AbortController();
      return send(c, deps, await serve(c, deps, path, end.signal), end);
    });
    app.all(path, (c) => c.text('Method Not Allowed\n', 405, { allow: 'POST' }));
  }
  app.post('/restore', async (c) => {
    if (!atLeast(c.var.principal.role, 'admin')) throw EtcdError.of('permissionDenied');
    const { tenant, id } = c.var.cluster;
    return serveRestore(c, await deps.services.open(tenant, id));
  });
  app.all('/restore', (c) => c.text('Method Not Allowed\n', 405, { allow: 'POST' }));
  app.get('/version', (c) => c.json({ etcdserver: ETCD_VERSION, etcdcluster: '3.4.0' }));
  app.get('/health', (c) => c.json({ health: 'true' }));
  app.all('*', (c) => c.text('Not Found\n', 404));
  app.onError((error, c) =>
    send(c, deps, refusal(isStoreTrouble(error) ? EtcdError.of('timeout') : error, { onError: tellOf(c, deps) })),
  );
  return app;
}

/** `end`: aborted when nobody reads the answer any more. */
async function serve(c: Context<ApiEnv>, deps: EtcdDeps, path: string, end: AbortSignal): Promise<GatewayAnswer> {
  const { tenant, id } = c.var.cluster;
  const { role } = c.var.principal;
  const service = await deps.services.open(tenant, id);
  const body = await readBytes(c.req.raw, BODY_BYTES_MAX).catch((error: unknown) => {
    throw error instanceof TerraneError ? EtcdError.of('requestTooLarge') : error;
  });
  const caller: EtcdCaller = {
    // Authorization is Terrane's own here: etcd's token comes as grpc-gateway passes any metadata.
    token: c.req.header('grpc-metadata-token'),
    signal: AbortSignal.any([end, c.req.raw.signal, ...(deps.shutdown ? [deps.shutdown] : [])]),
    superuser: atLeast(role, 'admin'),
  };
  return gatewayAnswer({
    service: atLeast(role, 'editor') ? service : readOnlyService(service),
    identity: identityOf(id),
    path,
    body,
    caller,
    onError: tellOf(c, deps),
  });
}

function send(c: Context<ApiEnv>, deps: EtcdDeps, answer: GatewayAnswer, end = new AbortController()): Response {
  if (answer.type === 'message') return c.json(answer.body, answer.status as 200);
  const body = lineStream(answer.lines, { end, seconds: OPEN_SECONDS_MAX, onError: tellOf(c, deps) });
  return new Response(body, {
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private', 'x-accel-buffering': 'no' },
  });
}

function tellOf(c: Context<ApiEnv>, deps: EtcdDeps): (error: unknown) => void {
  return (error) => deps.onError?.(error, c.var.requestId);
}
