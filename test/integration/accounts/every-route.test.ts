import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Hono } from 'hono';
import { createApp } from '../../../bin/server/app.ts';
import type { ControlPlane } from '../../../bin/server/control-plane.ts';
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
import { type Ask, ROWS } from './route-rows.ts';
import { joinDirectly, newHost, openWorld, PASSWORD, type World } from './world.ts';

/** Each route of the whole control plane against everybody who might ask it (route-rows.ts), taken from the app itself. */
const BELOW = { editor: 'viewer', admin: 'editor', owner: 'admin', login: 'token' } as const;

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
