import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, Hono } from 'hono';
import { requestId } from 'hono/request-id';
import type { ServerInfo } from '../../core/accounts/api.ts';
import type { LoginProvider } from '../../core/accounts/login-provider.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { confidentialKeyspaces } from '../../core/secrets/confidential-keyspaces.ts';
import { createAccounts } from '../../functions/api/accounts/create-accounts.ts';
import { authenticate } from '../../functions/api/auth/authenticate.ts';
import { requireCluster } from '../../functions/api/auth/require-cluster.ts';
import { whileAllowed } from '../../functions/api/auth/while-allowed.ts';
import { createEtcd } from '../../functions/api/etcd/create-etcd.ts';
import { createFleet } from '../../functions/api/fleet/create-fleet.ts';
import { clusterResources } from '../../functions/api/cluster-resources.ts';
import { createUpdateRoutes } from '../../functions/api/updates/create-update-routes.ts';
import { createKube } from '../../functions/api/kube/create-kube.ts';
import { auditWrite } from '../../functions/api/audit-write.ts';
import { removeHostOfNode } from '../../functions/api/remove-host.ts';
import type { ApiEnv } from '../../functions/context.ts';
import { createInstall, type InstallDeps } from '../../functions/node/install.ts';
import { createUpdates } from '../../functions/updates/create-updates.ts';
import { createNode } from '../../functions/node/create-node.ts';
import { onError } from '../../functions/on-error.ts';
import { type ConsoleFiles, nothingHere, serveConsole } from './console.ts';
import { admission } from './admission.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ServerMetrics } from './metrics.ts';

export interface AppDeps {
  readonly controlPlane: ControlPlane;
  readonly metrics: ServerMetrics;
  readonly log: Logger;
  readonly info: () => ServerInfo;
  readonly loginProviders: readonly LoginProvider[];
  readonly install: InstallDeps;
  /** Undefined when it was not built. */
  readonly console: ConsoleFiles | undefined;
  /** Undefined when the store answers; else what is wrong. */
  readonly problem: () => Promise<string | undefined>;
  /** Aborted when the server stops. */
  readonly shutdown: AbortSignal;
  readonly newUid: () => string;
}

/** Hosts leave room for people: the store is asked by 64 at once at most. An agent waits 30 s for an answer. */
const HOSTS = { atOnce: 32, waitMs: 20_000, exempt: (path: string) => /^\/node\/v1\/(streams|kv)\//.test(path) };

/** All faces of the control plane as one app, as CloudFront and API Gateway put them together in the hosted service. */
export function createApp(deps: AppDeps): Hono<ApiEnv> {
  const { controlPlane, log } = deps;
  const { accounts, keyspaces, dataKeys, inbox, relay, clock } = controlPlane;
  const confidential = confidentialKeyspaces(keyspaces, dataKeys);
  const app = new Hono<ApiEnv>();
  app.onError(onError({ log }));
  app.notFound(nothingHere(deps.console, deps.info().url));
  app.use(deps.metrics.middleware, requestId());

  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) => {
    const problem = await deps.problem();
    return problem === undefined ? c.text('ok\n') : c.text(`${problem}\n`, 503);
  });

  // Before what takes all of /v1: these clients show another kind of token.
  app.route(
    '/',
    createUpdates({
      accounts,
      keyspaces,
      tokens: controlPlane.updateTokens,
      payloads: controlPlane.payloads,
      ticketKey: controlPlane.ticketKey,
      instances: controlPlane.updateInstances,
      clock,
      log,
      clientIp,
      newUid: deps.newUid,
    }),
  );
  app.route(
    '/',
    createAccounts({
      accounts,
      info: deps.info,
      clientIp,
      deleteNode: (...node) => controlPlane.deleteNode(...node),
      resources: clusterResources(confidential),
      loginProviders: async () => deps.loginProviders,
      log,
    }),
  );
  const kube = createKube({
    keyspaces: confidential,
    relay,
    clock,
    newUid: deps.newUid,
    shutdown: deps.shutdown,
    onError: (error, id) => log.error('a Kubernetes API request failed', { error, requestId: id }),
    onWrite: (write) => {
      void auditWrite(accounts, log, write);
      void removeHostOfNode(accounts, log, write);
    },
  });
  app.use('/clusters/:cluster/*', authenticate({ accounts }), requireCluster({ accounts }), whileAllowed({ accounts }));
  const etcd = createEtcd({
    services: controlPlane.etcd,
    shutdown: deps.shutdown,
    onError: (error, id) => log.error('an etcd request failed', { error, requestId: id }),
  });
  app.route('/clusters/:cluster/etcd', etcd);
  app.route(
    '/clusters/:cluster/updates',
    createUpdateRoutes({
      keyspaces,
      instances: controlPlane.updateInstances,
      payloads: controlPlane.payloads,
      clock,
      newUid: deps.newUid,
      onWrite: (write) => void auditWrite(accounts, log, write),
    }),
  );
  app.route(
    '/clusters/:cluster',
    createFleet({
      keyspaces,
      clock,
      newUid: deps.newUid,
      onWrite: (write) => void auditWrite(accounts, log, write),
      onError: (error, id) => log.error('a fleet request failed', { error, requestId: id }),
    }),
  );
  app.route('/clusters/:cluster', kube);

  app.use('/node/v1/*', admission(HOSTS));
  app.route(
    '/',
    createNode({
      accounts,
      keyspaces,
      dataKeys,
      inbox,
      streams: relay,
      updates: { instances: controlPlane.updateInstances, ticketKey: controlPlane.ticketKey, newUid: deps.newUid },
      kv: { ...kvDeps(controlPlane, log), streams: true },
      clock,
      log,
      clientIp,
      // The watched inbox has told the reconciler already.
      onReport: () => {},
    }),
  );
  app.route('/', createInstall(deps.install));
  app.route('/', serveConsole(deps.console, deps.info().url));
  return app;
}

/** For hosts' questions about the key-value store, by requests and on kept connections. */
export function kvDeps({ keyspaces, etcd, kvInterest }: ControlPlane, log: Logger) {
  return {
    logs: keyspaces,
    keyspaces,
    services: etcd,
    interest: kvInterest,
    onInterest: async (tenant: string, cluster: string) => void (await etcd.open(tenant, cluster)),
    onError: (error: unknown) => log.error("a host's call to the key-value store failed", { error }),
  };
}

/** No proxy stands before the embedded server, so the peer is the client. */
function clientIp(c: Context): string | undefined {
  return getConnInfo(c).remote.address;
}
