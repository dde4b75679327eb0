import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { requestId } from 'hono/request-id';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { confidentialKeyspaces } from '../../core/secrets/confidential-keyspaces.ts';
import { dynamoUpdateInstances } from '../../store/update-instances.ts';
import type { ApiEnv } from '../context.ts';
import { inBackground } from '../hosted/background.ts';
import { hostedAccounts } from '../hosted/accounts.ts';
import { hostedDataKeys } from '../hosted/data-keys.ts';
import { optional } from '../hosted/environment.ts';
import { beforeFreeze, clientIp, serve } from '../hosted/serve.ts';
import { hostedEtcd } from '../hosted/etcd.ts';
import { hostedPayloads } from '../hosted/payloads.ts';
import { hostedStore } from '../hosted/store.ts';
import { tableRelay } from '../hosted/table-relay.ts';
import { streamed } from '../hosted/stream-answer.ts';
import { ssmLoginProviders } from '../../store/ssm-login-providers.ts';
import { onError } from '../on-error.ts';
import { createAccounts } from './accounts/create-accounts.ts';
import { auditWrite } from './audit-write.ts';
import { authenticate } from './auth/authenticate.ts';
import { requireCluster } from './auth/require-cluster.ts';
import { whileAllowed } from './auth/while-allowed.ts';
import { clusterResources } from './cluster-resources.ts';
import { createEtcd } from './etcd/create-etcd.ts';
import { createFleet } from './fleet/create-fleet.ts';
import { createKube } from './kube/create-kube.ts';
import { createUpdateRoutes } from './updates/create-update-routes.ts';
import { removeHostOfNode } from './remove-host.ts';

/** Lambda of what people and their tools ask: /v1/* and /clusters/*. Its URL streams, for watches. */

const store = hostedStore();
const { keyspaces, clock, log } = store;
const confidential = confidentialKeyspaces(keyspaces, hostedDataKeys(store));
const { accounts, deleteNode, gateway } = hostedAccounts(store);

/** What the operator put into SSM; a change counts within minutes. */
const parameter = optional('loginProvidersParameter');
const loginProviders = parameter === undefined ? async () => [] : ssmLoginProviders(parameter, () => clock.now());
const app = new Hono<ApiEnv>();
app.onError(onError({ log }));
app.use(requestId());
app.route(
  '/',
  createAccounts({
    accounts,
    info: elsewhere,
    clientIp,
    deleteNode,
    resources: clusterResources(confidential),
    loginProviders,
    log,
  }),
);
app.use('/clusters/:cluster/*', authenticate({ accounts }), requireCluster({ accounts }), whileAllowed({ accounts }));
app.route(
  '/clusters/:cluster/etcd',
  createEtcd({
    services: hostedEtcd(store),
    onError: (error, id) => log.error('an etcd request failed', { error, requestId: id }),
  }),
);
app.route(
  '/clusters/:cluster/updates',
  createUpdateRoutes({
    keyspaces,
    instances: dynamoUpdateInstances(store.client, store.tables.tenant, clock),
    payloads: hostedPayloads(store),
    clock,
    newUid: randomUUID,
    onWrite: (write) => inBackground(auditWrite(accounts, log, write)),
  }),
);
app.route(
  '/clusters/:cluster',
  createFleet({
    keyspaces,
    clock,
    newUid: randomUUID,
    onWrite: (write) => inBackground(auditWrite(accounts, log, write)),
    onError: (error, id) => log.error('a fleet request failed', { error, requestId: id }),
  }),
);
app.route(
  '/clusters/:cluster',
  createKube({
    keyspaces: confidential,
    relay: tableRelay(store, gateway),
    clock,
    newUid: randomUUID,
    onError: (error, id) => log.error('a Kubernetes API request failed', { error, requestId: id }),
    onWrite(write) {
      inBackground(auditWrite(accounts, log, write));
      inBackground(removeHostOfNode(accounts, log, write));
    },
  }),
);

export const handler = streamed(
  (event, context, sent) => serve(app, event, context, sent),
  () => beforeFreeze(store, accounts),
);

/** GET /v1/info is the install function's: it has the key that signs the agent. CloudFront sends it there. */
function elsewhere(): never {
  throw new TerraneError('not_found');
}
