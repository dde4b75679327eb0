import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Hono } from 'hono';
import { createApp } from '../../../bin/server/app.ts';
import type { ControlPlane } from '../../../bin/server/control-plane.ts';
import { PAGES } from '../../../core/console/pages.ts';
import { memoryDataKeys } from '../../../core/secrets/testing/memory-data-keys.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { bootstrapCluster } from '../../../core/resources/namespaces.ts';
import type { ApiEnv } from '../../../functions/context.ts';
import { localRelay } from '../../../functions/push/local-relay.ts';
import { Connections } from '../../../functions/push/connections.ts';
import { dynamoInbox } from '../../../store/inbox.ts';
import { dynamoTable } from '../../../store/table.ts';
import { payloadFiles } from '../../../store/payload-files.ts';
import { readUpdateTokens } from '../../../store/update-tokens.ts';
import { dynamoUpdateInstances } from '../../../store/update-instances.ts';
import { dynamoKvUsage } from '../../../store/kv-usage.ts';
import { dynamoLeaseDeadlines } from '../../../store/lease-deadlines.ts';
import { systemTiming } from '../../../store/system-timing.ts';
import { etcdServices } from '../../../functions/etcd/services.ts';
import { type OpenKeyspaces, openKeyspaces } from '../../../store/keyspaces.ts';
import { type TestImages, testImages } from '../../support/aws/image-registry.ts';
import { joinDirectly, newHost, openWorld, PASSWORD, type World } from './world.ts';

/**
 * Every route of the whole control plane, taken from the app itself: a route without a row here fails the test. `{cluster}`,
 * `{node}`, `{token}`, `{member}`, `{session}`, `{repository}` are things of the organisation that is walked.
 */
type Row =
  /** For everyone; why that is right. */
  | { readonly open: string }
  /** Runs before routes and answers nothing itself. */
  | { readonly passes: string }
  | { readonly person: readonly Ask[] }
  | { readonly host: Ask }
  /** Takes the update token of a cluster, and nothing else. */
  | { readonly updates: Ask };

interface Ask {
  readonly method?: string;
  /** Default: the route's own path. */
  readonly path?: string;
  readonly body?: unknown;
  /** The least that may do it: one role below gets 403. `login`: every role, but no API token. Default: every role, viewers too. */
  readonly needs?: 'editor' | 'admin' | 'owner' | 'login';
  /** It names something of the organisation: others get 404. */
  readonly names?: boolean;
}

const BELOW = { editor: 'viewer', admin: 'editor', owner: 'admin', login: 'token' } as const;
const every = (...person: Ask[]): Row => ({ person: person.length > 0 ? person : [{}] });
const ofCluster = (path: string, more: Ask = {}): Row => every({ path: `/clusters/{cluster}${path}`, names: true, ...more });
const resources = (base: string): Row =>
  every(
    { path: `/clusters/{cluster}${base}/configmaps`, names: true },
    { path: `/clusters/{cluster}${base}/secrets`, names: true, ...(base.includes('apps') ? {} : { needs: 'editor' }) },
    ...['POST', 'PUT', 'PATCH', 'DELETE'].map(
      (method): Ask => ({ method, path: `/clusters/{cluster}${base}/things/x`, body: {}, needs: 'editor', names: true }),
    ),
  );

const etcd = (path: string, more: Ask = {}): Row => ofCluster(`/etcd${path}`, { method: 'POST', body: {}, ...more });
const PUT = { key: 'YQ==', value: 'YQ==' };

const ETCD: Readonly<Record<string, Row>> = {
  'POST /clusters/:cluster/etcd/restore': etcd('/restore?sequence=0', { needs: 'admin' }),
  'POST /clusters/:cluster/etcd/v3/kv/range': etcd('/v3/kv/range', { body: { key: PUT.key } }),
  'POST /clusters/:cluster/etcd/v3/kv/put': etcd('/v3/kv/put', { body: PUT, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/kv/deleterange': etcd('/v3/kv/deleterange', { body: { key: PUT.key }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/kv/txn': etcd('/v3/kv/txn', { body: { success: [{ requestPut: PUT }] }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/kv/compaction': etcd('/v3/kv/compaction', { body: { revision: '1' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/kv/lease/leases': etcd('/v3/kv/lease/leases'),
  'POST /clusters/:cluster/etcd/v3/kv/lease/timetolive': etcd('/v3/kv/lease/timetolive', { body: { ID: '1' } }),
  'POST /clusters/:cluster/etcd/v3/kv/lease/revoke': etcd('/v3/kv/lease/revoke', { body: { ID: '1' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/lease/grant': etcd('/v3/lease/grant', { body: { TTL: '60' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/lease/keepalive': etcd('/v3/lease/keepalive', { body: { ID: '1' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/lease/leases': etcd('/v3/lease/leases'),
  'POST /clusters/:cluster/etcd/v3/lease/revoke': etcd('/v3/lease/revoke', { body: { ID: '1' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/lease/timetolive': etcd('/v3/lease/timetolive', { body: { ID: '1' } }),
  'POST /clusters/:cluster/etcd/v3/cluster/member/list': etcd('/v3/cluster/member/list'),
  'POST /clusters/:cluster/etcd/v3/auth/enable': etcd('/v3/auth/enable', { needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/disable': etcd('/v3/auth/disable', { needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/user/list': etcd('/v3/auth/user/list', { needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/role/list': etcd('/v3/auth/role/list', { needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/authenticate': etcd('/v3/auth/authenticate', { body: { name: 'a', password: 'b' } }),
  'POST /clusters/:cluster/etcd/v3/auth/user/add': etcd('/v3/auth/user/add', { body: { name: 'a' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/user/get': etcd('/v3/auth/user/get', { body: { name: 'a' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/user/delete': etcd('/v3/auth/user/delete', { body: { name: 'a' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/user/changepw': etcd('/v3/auth/user/changepw', { body: { name: 'a' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/role/add': etcd('/v3/auth/role/add', { body: { name: 'a' }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/auth/user/grant': etcd('/v3/auth/user/grant', {
    body: { name: 'a', user: 'a', role: 'b' },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/auth/user/revoke': etcd('/v3/auth/user/revoke', {
    body: { name: 'a', user: 'a', role: 'b' },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/auth/role/get': etcd('/v3/auth/role/get', {
    body: { name: 'a', user: 'a', role: 'b' },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/auth/role/delete': etcd('/v3/auth/role/delete', {
    body: { name: 'a', user: 'a', role: 'b' },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/auth/role/revoke': etcd('/v3/auth/role/revoke', {
    body: { name: 'a', user: 'a', role: 'b' },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/auth/role/grant': etcd('/v3/auth/role/grant', {
    body: { name: 'a', perm: { key: PUT.key } },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/lock/lock': etcd('/v3/lock/lock', { body: { name: PUT.key }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/lock/unlock': etcd('/v3/lock/unlock', { body: { key: PUT.key }, needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/election/campaign': etcd('/v3/election/campaign', {
    body: { name: PUT.key, leader: { key: PUT.key } },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/election/proclaim': etcd('/v3/election/proclaim', {
    body: { name: PUT.key, leader: { key: PUT.key } },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/election/resign': etcd('/v3/election/resign', {
    body: { name: PUT.key, leader: { key: PUT.key } },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/election/leader': etcd('/v3/election/leader', { body: { name: PUT.key } }),
  'POST /clusters/:cluster/etcd/v3/election/observe': etcd('/v3/election/observe', { body: { name: PUT.key } }),
  'POST /clusters/:cluster/etcd/v3/cluster/member/add': etcd('/v3/cluster/member/add'),
  'POST /clusters/:cluster/etcd/v3/cluster/member/remove': etcd('/v3/cluster/member/remove'),
  'POST /clusters/:cluster/etcd/v3/cluster/member/update': etcd('/v3/cluster/member/update'),
  'POST /clusters/:cluster/etcd/v3/cluster/member/promote': etcd('/v3/cluster/member/promote'),
  'POST /clusters/:cluster/etcd/v3/maintenance/alarm': etcd('/v3/maintenance/alarm', {
    body: { action: 'ACTIVATE' },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/etcd/v3/maintenance/defragment': etcd('/v3/maintenance/defragment', { needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/maintenance/hash': etcd('/v3/maintenance/hash'),
  'POST /clusters/:cluster/etcd/v3/maintenance/snapshot': etcd('/v3/maintenance/snapshot', { needs: 'editor' }),
  'POST /clusters/:cluster/etcd/v3/maintenance/transfer-leadership': etcd('/v3/maintenance/transfer-leadership'),
  'POST /clusters/:cluster/etcd/v3/maintenance/status': etcd('/v3/maintenance/status'),
  'POST /clusters/:cluster/etcd/v3/watch': etcd('/v3/watch', { body: { create_request: { key: PUT.key } } }),
};

const SEMAPHORE = '/v2/keys/coreos.com/updateengine/rebootlock';
const FLEETLOCK = { client_params: { id: 'h', group: 'none' } };
const UPDATES: Readonly<Record<string, Row>> = Object.fromEntries(
  ['', '/updates/:token'].flatMap((base) => [
    [`POST ${base}/v1/update`, { updates: {} }],
    [`POST ${base}/v1/update/`, { updates: {} }],
    [`POST ${base}/v1/pre-reboot`, { updates: { body: FLEETLOCK } }],
    [`POST ${base}/v1/steady-state`, { updates: { body: FLEETLOCK } }],
    ...['GET', 'PUT'].flatMap((method) => [
      [`${method} ${base}${SEMAPHORE}/semaphore`, { updates: {} }],
      [`${method} ${base}${SEMAPHORE}/groups/:group/semaphore`, { updates: {} }],
    ]),
  ]),
);

/** fleet's API, under both of its prefixes. */
const UNIT = { options: [{ section: 'Service', name: 'ExecStart', value: '/bin/true' }] };
const FLEET: Readonly<Record<string, Row>> = Object.fromEntries(
  ['/fleet/v1', '/v1-alpha'].flatMap((base): [string, Row][] => {
    const at = `/clusters/:cluster${base}`;
    return [
      ...['discovery', 'machines', 'units', 'state'].flatMap((path): [string, Row][] => [
        [`GET ${at}/${path}`, ofCluster(`${base}/${path}`)],
        [`ALL ${at}/${path}`, { passes: 'answers 405 to other methods' }],
      ]),
      [`PATCH ${at}/machines`, ofCluster(`${base}/machines`, { method: 'PATCH', body: [], needs: 'admin' })],
      [`GET ${at}/units/:name`, ofCluster(`${base}/units/a.service`)],
      [`PUT ${at}/units/:name`, ofCluster(`${base}/units/a.service`, { method: 'PUT', body: UNIT, needs: 'admin' })],
      [`DELETE ${at}/units/:name`, ofCluster(`${base}/units/a.service`, { method: 'DELETE', needs: 'admin' })],
      [`GET ${at}/state/:name`, ofCluster(`${base}/state/a.service`)],
      [`ALL ${at}/units/:name`, { passes: 'answers 405 to other methods' }],
      [`ALL ${at}/state/:name`, { passes: 'answers 405 to other methods' }],
      [`ALL ${at}/*`, { passes: 'answers 404' }],
    ];
  }),
);

const ROWS: Readonly<Record<string, Row>> = {
  ...UPDATES,
  ...ETCD,
  ...FLEET,
  ...Object.fromEntries(PAGES.map((path) => [`GET ${path}`, { open: 'a page of the console: everything in it is asked for' }])),
  'GET /assets/:name': { open: 'what the pages are made of' },
  ...Object.fromEntries(Object.keys(ETCD).map((key) => [key.replace('POST', 'ALL'), { passes: 'answers 405 to other methods' }])),
  'ALL /*': { passes: 'metrics and request id' },
  'ALL /v1/*': { passes: 'authenticates what is below it' },
  'ALL /v1/members/*': { passes: 'no tokens of one cluster' },
  'ALL /v1/tokens/*': { passes: 'no tokens of one cluster' },
  'ALL /v1/audit/*': { passes: 'no tokens of one cluster' },
  'ALL /v1/usage': { passes: 'no tokens of one cluster' },
  'ALL /v1/organisation/*': { passes: 'no tokens of one cluster' },
  'ALL /v1/repositories/*': { passes: 'no tokens of one cluster' },
  'ALL /v1/device/*': { passes: 'headers' },
  'ALL /clusters/:cluster/*': { passes: 'authenticates what is below it' },
  'ALL /node/v1/*': { passes: 'headers' },

  'GET /healthz': { open: 'probes' },
  'GET /readyz': { open: 'probes' },
  'GET /install.sh': { open: 'hosts that have not joined' },
  'GET /artifacts/manifest.json': { open: 'hosts that have not joined' },
  'GET /artifacts/manifest.json.sig': { open: 'hosts that have not joined' },
  'GET /artifacts/:name': { open: 'hosts that have not joined' },
  'GET /v1/info': { open: 'what a client must know before it logs in' },
  'POST /v1/signup': { open: 'new people' },
  'POST /v1/login': { open: 'takes the password' },
  'POST /v1/verify': { open: 'takes the mailed secret' },
  'POST /v1/password/forgot': { open: 'who knows no password' },
  'POST /v1/password/reset': { open: 'takes the mailed secret' },
  'POST /v1/device/code': { open: 'devices that nobody has logged in yet' },
  'POST /v1/device/token': { open: 'takes the device code' },
  'POST /node/v1/join': { open: 'takes a join token, and is signed' },

  'GET /v1/oidc': { open: 'what buttons a login page has' },
  'POST /v1/oidc/:provider': { open: 'begins a log-in; linking asks for the session itself' },
  'GET /v1/oidc/:provider/callback': { open: 'takes what the provider sent, and the cookie of the one who asked' },

  'POST /v1/logout': every(),
  'GET /v1/me': every(),
  'POST /v1/verify/resend': every(),
  'POST /v1/password': every({ body: { current: PASSWORD, password: PASSWORD }, needs: 'login' }),
  'POST /v1/device/approve': every({ body: { user_code: 'BCDF-GHJK' }, needs: 'login' }),
  'DELETE /v1/oidc/:provider': every({ path: '/v1/oidc/{session}', needs: 'login', names: true }),
  'GET /v1/sessions': every({ needs: 'login' }),
  'DELETE /v1/sessions/:id': every({ path: '/v1/sessions/{session}', needs: 'login', names: true }),
  'GET /v1/members': every(),
  'POST /v1/members': every({ body: { email: 'x@example.com' }, needs: 'admin' }),
  'POST /v1/members/accept': every({ body: { token: 'trn_x' } }),
  'PATCH /v1/members/:id': every({ path: '/v1/members/{member}', body: { role: 'viewer' }, needs: 'admin', names: true }),
  'DELETE /v1/members/:id': every({ path: '/v1/members/{member}', needs: 'admin', names: true }),
  'GET /v1/clusters': every(),
  'POST /v1/clusters': every({ body: { name: 'x' }, needs: 'admin' }),
  'GET /v1/clusters/:cluster': every({ path: '/v1/clusters/{cluster}', names: true }),
  'DELETE /v1/clusters/:cluster': every({ path: '/v1/clusters/{cluster}', needs: 'admin', names: true }),
  'GET /v1/tokens': every(),
  'POST /v1/tokens': every({ body: { kind: 'join', cluster: '{cluster}' }, needs: 'admin', names: true }),
  'DELETE /v1/tokens/:id': every({ path: '/v1/tokens/{token}', needs: 'admin', names: true }),
  'GET /v1/nodes': every({ path: '/v1/nodes?cluster={cluster}', names: true }),
  'DELETE /v1/nodes/:name': every({ path: '/v1/nodes/{node}?cluster={cluster}', needs: 'admin', names: true }),
  'GET /v1/audit': every({ needs: 'admin' }),
  'GET /v1/audit/export': every({ needs: 'admin' }),
  'GET /v1/usage': every(),
  'GET /v1/repositories': every(),
  'POST /v1/repositories': every({ body: { name: 'new' }, needs: 'editor' }),
  'POST /v1/repositories/credentials': every({ body: { access: 'pull' } }, { body: { access: 'push' }, needs: 'editor' }),
  'PATCH /v1/repositories/:name': every({ path: '/v1/repositories/{repository}', body: {}, needs: 'editor', names: true }),
  'DELETE /v1/repositories/:name': every({ path: '/v1/repositories/{repository}', needs: 'admin', names: true }),
  'GET /v1/repositories/:name/images': every({ path: '/v1/repositories/{repository}/images', names: true }),
  'DELETE /v1/repositories/:name/images/:reference': every({
    path: '/v1/repositories/{repository}/images/v1',
    needs: 'editor',
    names: true,
  }),
  'GET /v1/repositories/:name/images/:reference/scan': every({
    path: '/v1/repositories/{repository}/images/v1/scan',
    names: true,
  }),
  'GET /v1/organisation/export': every({ needs: 'owner' }),
  'DELETE /v1/organisation': every({ body: { confirm: 'x' }, needs: 'owner' }),

  'GET /clusters/:cluster/version': ofCluster('/version'),
  'GET /clusters/:cluster/healthz': ofCluster('/healthz'),
  'GET /clusters/:cluster/livez': ofCluster('/livez'),
  'GET /clusters/:cluster/readyz': ofCluster('/readyz'),
  'GET /clusters/:cluster/api': ofCluster('/api'),
  'GET /clusters/:cluster/apis': ofCluster('/apis'),
  'GET /clusters/:cluster/api/:version': ofCluster('/api/v1'),
  'GET /clusters/:cluster/apis/:group': ofCluster('/apis/apps'),
  'GET /clusters/:cluster/apis/:group/:version': ofCluster('/apis/apps/v1'),
  'GET /clusters/:cluster/openapi/v2': ofCluster('/openapi/v2'),
  'GET /clusters/:cluster/openapi/v3': ofCluster('/openapi/v3'),
  'GET /clusters/:cluster/openapi/v3/api/:version': ofCluster('/openapi/v3/api/v1'),
  'GET /clusters/:cluster/openapi/v3/apis/:group/:version': ofCluster('/openapi/v3/apis/apps/v1'),
  'POST /clusters/:cluster/apis/authorization.k8s.io/v1/selfsubjectaccessreviews': ofCluster(
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    { body: {} },
  ),
  'POST /clusters/:cluster/apis/authorization.k8s.io/v1/selfsubjectrulesreviews': ofCluster(
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    { body: {} },
  ),
  'ALL /clusters/:cluster/api/:version/:path{.+}': resources('/api/v1/namespaces/default'),
  'ALL /clusters/:cluster/apis/:group/:version/:path{.+}': resources('/apis/apps/v1/namespaces/default'),
  'ALL /clusters/:cluster/api/*': ofCluster('/api/v1/x/', { method: 'POST', needs: 'editor' }),
  'ALL /clusters/:cluster/apis/*': ofCluster('/apis/apps', { method: 'POST', needs: 'editor' }),

  'GET /clusters/:cluster/updates/instances': ofCluster('/updates/instances'),
  'GET /clusters/:cluster/updates/metrics': ofCluster('/updates/metrics'),
  'DELETE /clusters/:cluster/updates/instances/:application/:id': ofCluster('/updates/instances/flatcar/x', { needs: 'editor' }),
  'GET /clusters/:cluster/updates/groups/:group': ofCluster('/updates/groups/x'),
  'POST /clusters/:cluster/updates/groups/:group/halt': ofCluster('/updates/groups/x/halt', {
    body: { reason: 'r' },
    needs: 'editor',
  }),
  'POST /clusters/:cluster/updates/groups/:group/resume': ofCluster('/updates/groups/x/resume', { needs: 'editor' }),
  'GET /updates/payloads/:ticket/:file': { open: 'the ticket in the path is signed, and good for one package for a day' },
  'HEAD /updates/payloads/:ticket/:file': { open: 'as GET' },
  'POST /clusters/:cluster/updates/packages/:package/uploads': ofCluster('/updates/packages/x/uploads', { needs: 'editor' }),
  'PUT /clusters/:cluster/updates/packages/:package/files/:file': ofCluster('/updates/packages/x/files/y', { needs: 'editor' }),
  'DELETE /clusters/:cluster/updates/groups/:group/reboots/:id': ofCluster('/updates/groups/x/reboots/y', { needs: 'editor' }),

  'ALL /clusters/:cluster/etcd/*': { passes: 'headers' },
  'GET /clusters/:cluster/etcd/version': ofCluster('/etcd/version'),
  'GET /clusters/:cluster/etcd/health': ofCluster('/etcd/health'),

  'GET /node/v1/assignment': { host: {} },
  'GET /node/v1/kv/past': { host: { path: '/node/v1/kv/past?from=1&to=2' } },
  'GET /node/v1/kv/snapshot': { host: {} },
  'POST /node/v1/kv/calls': { host: { body: {} } },
  'GET /node/v1/kv/tail': { host: { path: '/node/v1/kv/tail?after=0' } },
  'POST /node/v1/updates/check': { host: { body: {} } },
  'POST /node/v1/updates/omaha': { host: { body: {} } },
  'POST /node/v1/updates/reboot-lock': { host: { body: {} } },
  'POST /node/v1/report': { host: { body: {} } },
  'POST /node/v1/streams/:id': { host: { path: '/node/v1/streams/x', names: true } },
  'POST /node/v1/streams/:id/:part': { host: { path: '/node/v1/streams/x/0', names: true } },
};

type Someone = 'owner' | 'admin' | 'editor' | 'viewer' | 'token' | 'stranger' | 'revoked' | 'expired';

let world: World;
let keyspaces: OpenKeyspaces;
let app: Hono<ApiEnv>;
let images: TestImages;
const hosts = { good: newHost(), revoked: newHost(), unknown: newHost() };
let things: Readonly<Record<string, string>>;
const updateTokens = {} as Record<'good' | 'revoked' | 'expired' | 'deleted', string>;
const secrets = {} as Record<Someone, string>;

beforeAll(async () => {
  images = await testImages();
  world = await openWorld({
    images: images.registry,
    hooks: {
      async onClusterCreated(tenant, cluster) {
        const registry = await keyspaces.open(tenant, cluster, 'registry');
        await registry.transact((txn) => bootstrapCluster(txn, { now: world.clock.now(), newUid: randomUUID }));
      },
    },
  });
  const { accounts, client, clock } = world;
  keyspaces = openKeyspaces({ client, table: 'tenant', clock, log: silentLogger });
  const parts: Pick<
    ControlPlane,
    | 'accounts'
    | 'keyspaces'
    | 'etcd'
    | 'inbox'
    | 'updateInstances'
    | 'updateTokens'
    | 'payloads'
    | 'ticketKey'
    | 'relay'
    | 'clock'
    | 'deleteNode'
    | 'dataKeys'
  > = {
    accounts,
    keyspaces,
    etcd: etcdServices({
      keyspaces,
      deadlines: dynamoLeaseDeadlines(client, 'tenant'),
      usage: dynamoKvUsage(client, 'tenant'),
      timing: systemTiming(clock),
      soleKeeper: true,
    }),
    inbox: dynamoInbox(client, 'tenant') as ControlPlane['inbox'],
    updateInstances: dynamoUpdateInstances(client, 'tenant', clock),
    updateTokens: readUpdateTokens(dynamoTable(client, 'tenant')),
    payloads: payloadFiles('/nowhere'),
    ticketKey: new Uint8Array(32),
    relay: localRelay(new Connections()),
    clock,
    deleteNode: async () => false,
    dataKeys: memoryDataKeys(),
  };
  app = createApp({
    controlPlane: parts as ControlPlane,
    metrics: { middleware: async (_c, next) => next() } as Parameters<typeof createApp>[0]['metrics'],
    log: silentLogger,
    info: () => ({ version: '0', url: 'https://terrane.test', manifestKey: 'f' }),
    install: { artifactsDir: '/nowhere', serverUrl: 'https://terrane.test', publicKeyPem: '', sign: () => new Uint8Array() },
    loginProviders: [],
    console: undefined,
    problem: async () => undefined,
    shutdown: new AbortController().signal,
    newUid: randomUUID,
  });

  const [owner, stranger] = [await world.person(), await world.person()];
  Object.assign(secrets, { owner: owner.token, stranger: stranger.token });
  for (const role of ['admin', 'editor', 'viewer'] as const) {
    const email = `${role}@example.com`;
    await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email, role } });
    const body = { email, password: PASSWORD, invitation: world.mailedSecret(email) };
    secrets[role] = (await world.expectStatus(201, 'POST', '/v1/signup', { body })).json.token;
  }
  const cluster = (await world.cluster(owner.token)).id;
  const join = await world.token(owner.token, { kind: 'join', cluster });
  const { nodeName } = await joinDirectly(accounts, join.secret);
  const two = await world.token(owner.token, { kind: 'join', cluster, uses: 2 });
  await joinDirectly(accounts, two.secret, 'good', hosts.good);
  const gone = await joinDirectly(accounts, two.secret, 'gone', hosts.revoked);
  await world.expectStatus(204, 'DELETE', `/v1/nodes/${gone.nodeName}`, { as: owner.token });
  const api = () => world.token(owner.token, { kind: 'api' });
  const revoked = await api();
  await world.expectStatus(204, 'DELETE', `/v1/tokens/${revoked.id}`, { as: owner.token });
  const expired = await world.token(owner.token, { kind: 'api', expiresIn: 60 });
  const update = (more: object = {}) => world.token(owner.token, { kind: 'update', cluster, ...more });
  const revokedUpdate = await update();
  await world.expectStatus(204, 'DELETE', `/v1/tokens/${revokedUpdate.id}`, { as: owner.token });
  const doomed = (await world.cluster(stranger.token)).id;
  const ofDoomed = await world.token(stranger.token, { kind: 'update', cluster: doomed });
  await world.expectStatus(204, 'DELETE', `/v1/clusters/${doomed}`, { as: stranger.token });
  Object.assign(updateTokens, {
    good: (await update()).secret,
    revoked: revokedUpdate.secret,
    expired: (await update({ expiresIn: 60 })).secret,
    deleted: ofDoomed.secret,
  });
  world.clock.at += 60_000;
  Object.assign(secrets, { token: (await api()).secret, revoked: revoked.secret, expired: expired.secret });
  await world.expectStatus(201, 'POST', '/v1/repositories', { as: owner.token, body: { name: 'web' } });
  const { json } = await world.expectStatus(200, 'GET', '/v1/sessions', { as: owner.token });
  things = { cluster, node: nodeName, token: join.id, member: owner.userId, session: json.sessions[0].id, repository: 'web' };
});
afterAll(async () => {
  await keyspaces.close();
  images.close();
  await world.close();
});

const filled = (text: string) =>
  text.replace(/\{(cluster|node|token|member|session|repository)\}/g, (_, name: string) => things[name]!);

async function statusOf(key: string, ask: Ask, as: Someone | undefined): Promise<number> {
  const [routeMethod = '', routePath = ''] = key.split(' ');
  const method = ask.method ?? (routeMethod === 'ALL' ? 'GET' : routeMethod);
  const headers = new Headers({ host: 'terrane.test', 'content-type': 'application/json' });
  if (as) headers.set('authorization', `Bearer ${secrets[as]}`);
  const body = ask.body === undefined ? undefined : filled(JSON.stringify(ask.body));
  const path = filled(ask.path ?? routePath);
  return (await received(new Request(`https://terrane.test${path}`, { method, headers, ...(body ? { body } : {}) }))).status;
}

/** As the server does it: with the connection that a request came by. */
function received(request: Request): Promise<Response> {
  const socket = { remoteAddress: '192.0.2.1', remotePort: 1, remoteFamily: 'IPv4' };
  return Promise.resolve(app.request(request, undefined, { incoming: { socket } }));
}

const keys = () => [...new Set(app.routes.map(({ method, path }) => `${method} ${path}`))].sort();

test('every route has a row, and every row a route', () => {
  expect(keys()).toEqual(Object.keys(ROWS).sort());
});

const people = Object.entries(ROWS).flatMap(([key, row]) =>
  'person' in row ? row.person.map((ask) => [`${key} ${ask.method ?? ''} ${ask.path ?? ''}`.trim(), key, ask] as const) : [],
);

describe.each(people)('%s', (_name, key, ask) => {
  test('is for nobody without good credentials', async () => {
    expect(await statusOf(key, ask, undefined)).toBe(401);
    expect(await statusOf(key, ask, 'revoked')).toBe(401);
    expect(await statusOf(key, ask, 'expired')).toBe(401);
  });
  if (ask.names)
    test('is not there for another organisation', async () => expect(await statusOf(key, ask, 'stranger')).toBe(404));
  const { needs } = ask;
  if (needs) test(`is not for ${BELOW[needs]}s`, async () => expect(await statusOf(key, ask, BELOW[needs])).toBe(403));
});

const ofHosts = Object.entries(ROWS).flatMap(([key, row]) => ('host' in row ? [[key, row.host] as const] : []));

test.each(ofHosts)('%s is for hosts that have joined, with a fresh signature', async (key, { path, body, names }) => {
  const [method = '', routePath = ''] = key.split(' ');
  const url = path ?? routePath;
  const now = world.clock.at;
  const as = async (host: ReturnType<typeof newHost>, created = now) =>
    (await received(host.request(method, url, created, body, { 'content-type': 'application/json' }))).status;
  const unsigned = new Request(`https://terrane.test${url}`, { method, headers: { host: 'terrane.test' } });
  expect((await received(unsigned)).status).toBe(401);
  expect(await as(hosts.unknown)).toBe(401);
  expect(await as(hosts.revoked)).toBe(401);
  expect(await as(hosts.good, now - 301_000)).toBe(401);
  const person = new Request(unsigned, { headers: { host: 'terrane.test', authorization: `Bearer ${secrets.owner}` } });
  expect((await received(person)).status).toBe(401);
  // The good one gets as far as the route: what it asks for isn't there, or isn't right.
  expect(await as(hosts.good)).not.toBe(401);
  if (names) expect(await as(hosts.good)).toBe(404);
});

const ofUpdates = Object.entries(ROWS).flatMap(([key, row]) => ('updates' in row ? [[key, row.updates] as const] : []));

test.each(ofUpdates)('%s takes a good update token, and no other credential', async (key, { body }) => {
  const [method = '', route = ''] = key.split(' ');
  const as = async (token: string): Promise<number> => {
    const inPath = route.includes(':token');
    const headers = new Headers({ host: 'terrane.test' });
    if (!inPath && token !== '') headers.set('authorization', `Basic ${Buffer.from(`u:${token}`).toString('base64')}`);
    const path = route.replace(':token', token || 'none').replace(':group', 'g');
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    return (await received(new Request(`https://terrane.test${path}`, init))).status;
  };
  for (const token of ['', updateTokens.revoked, updateTokens.expired, updateTokens.deleted, secrets.owner, secrets.token])
    expect(await as(token)).toBe(401);
  // The good one gets as far as the route: what it asks for isn't there, or isn't right.
  expect([400, 404]).toContain(await as(updateTokens.good));
});

const open = Object.entries(ROWS).flatMap(([key, row]) => ('open' in row ? [[key, row.open] as const] : []));

test.each(open)('%s is open, for %s, and tells nothing of any organisation', async (key) => {
  const [method = '', path = ''] = key.split(' ');
  const response = await received(new Request(`https://terrane.test${path}`, { method, headers: { host: 'terrane.test' } }));
  const text = await response.text();
  for (const thing of Object.values(things)) expect(text).not.toContain(thing);
});
