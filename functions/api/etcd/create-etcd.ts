import { Hono } from 'hono';
import type { Context } from 'hono';
import { CODE } from '../../../core/etcd/errors.ts';
import type { ApiEnv } from '../../context.ts';
import { refusalOf, refuse } from './answer.ts';
import type { EtcdDeps, EtcdRequest } from './deps.ts';
import { identityOf } from './identity.ts';
import { serveCompaction, serveDeleteRange, servePut, serveRange, serveTxn } from './kv.ts';
import { serveLeaseGrant, serveLeaseKeepAlive, serveLeaseLeases, serveLeaseRevoke, serveLeaseTimeToLive } from './lease.ts';
import { ETCD_VERSION, serveStatus } from './maintenance.ts';
import { serveWatch } from './watch.ts';

export type { EtcdDeps } from './deps.ts';

type Serve = (request: EtcdRequest) => Promise<Response>;

const ROUTES: Readonly<Record<string, Serve>> = {
  '/v3/kv/range': serveRange,
  '/v3/kv/put': servePut,
  '/v3/kv/deleterange': serveDeleteRange,
  '/v3/kv/txn': serveTxn,
  '/v3/kv/compaction': serveCompaction,
  '/v3/lease/grant': serveLeaseGrant,
  '/v3/lease/revoke': serveLeaseRevoke,
  '/v3/kv/lease/revoke': serveLeaseRevoke,
  '/v3/lease/timetolive': serveLeaseTimeToLive,
  '/v3/kv/lease/timetolive': serveLeaseTimeToLive,
  '/v3/lease/leases': serveLeaseLeases,
  '/v3/kv/lease/leases': serveLeaseLeases,
  '/v3/lease/keepalive': serveLeaseKeepAlive,
  '/v3/watch': serveWatch,
  '/v3/maintenance/status': serveStatus,
};

/**
 * etcd's JSON gateway over a cluster's key-value store, as etcd 3.4 serves it (docs/etcd-api.md). Mount it under
 * `/clusters/:cluster/etcd`, behind middleware that has set `principal` and `cluster`, and before whatever takes all of a cluster's
 * paths. Viewers may read.
 *
 * @example
 * app.use('/clusters/:cluster/*', authenticate, requireCluster);
 * app.route('/clusters/:cluster/etcd', createEtcd({ keyspaces, random: Math.random }));
 */
export function createEtcd(deps: EtcdDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  for (const [path, serve] of Object.entries(ROUTES)) {
    app.post(path, async (c) => serve(await open(c, deps)));
    app.all(path, (c) => c.text('Method Not Allowed\n', 405, { allow: 'POST' }));
  }
  app.get('/version', (c) => c.json({ etcdserver: ETCD_VERSION, etcdcluster: '3.4.0' }));
  app.get('/health', (c) => c.json({ health: 'true' }));
  app.all('*', (c) => c.text('Not Found\n', 404));
  app.onError((error, c) => {
    const refusal = refusalOf(error);
    if (refusal.code === CODE.internal) deps.onError?.(error, c.var.requestId);
    return refuse(c, refusal);
  });
  return app;
}

async function open(c: Context<ApiEnv>, deps: EtcdDeps): Promise<EtcdRequest> {
  const { tenant, id } = c.var.cluster;
  return { c, deps, keyspace: await deps.keyspaces.open(tenant, id, 'kv'), identity: identityOf(id) };
}
