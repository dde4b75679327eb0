import { PAGES } from '../../../core/console/pages.ts';
import { PASSWORD } from './world.ts';

/**
 * Who may ask each route of the whole control plane. A route without a row here fails every-route.test.ts. `{cluster}`,
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

export interface Ask {
  readonly method?: string;
  /** Default: the route's own path. */
  readonly path?: string;
  readonly body?: unknown;
  /** The least that may do it: one role below gets 403. `login`: every role, but no API token. Default: every role, viewers too. */
  readonly needs?: 'editor' | 'admin' | 'owner' | 'login';
  /** It names something of the organisation: others get 404. */
  readonly names?: boolean;
}

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

export const ROWS: Readonly<Record<string, Row>> = {
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
