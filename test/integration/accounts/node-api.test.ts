import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Hono } from 'hono';
import { memoryKeyspace } from '../../../core/keyspace/memory.ts';
import type { Keyspace } from '../../../core/keyspace/types.ts';
import { STREAM_STATUS_HEADER } from '../../../core/node/push.ts';
import type { Report } from '../../../core/node/report.ts';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import type { InboxItem } from '../../../core/ports/inbox.ts';
import { memoryDataKeys } from '../../../core/secrets/testing/memory-data-keys.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { encodeResource, resourceKey } from '../../../core/resources/codec.ts';
import type { AnyResource } from '../../../core/resources/schema/kinds.ts';
import { createNode } from '../../../functions/node/create-node.ts';
import { hostAuthenticator, SERVER_TIME_HEADER } from '../../../functions/node/host-auth.ts';
import { signRequest } from '../../../core/node/http-signature.ts';
import { newHost, openWorld, type World } from './world.ts';

let world: World;
let app: Hono;
const registries = new Map<string, Keyspace>();
const inbox = new Map<string, InboxItem>();
const reports: string[] = [];
const streams: { id: string; host: HostPrincipal; status: number; text: string }[] = [];
let beforePut: (() => Promise<unknown>) | undefined;

const registryOf = (tenant: string, cluster: string): Keyspace => {
  const key = `${tenant}/${cluster}`;
  if (!registries.has(key)) registries.set(key, memoryKeyspace());
  return registries.get(key)!;
};

beforeAll(async () => {
  world = await openWorld();
  app = createNode({
    dataKeys: memoryDataKeys(),
    accounts: world.accounts,
    keyspaces: { open: async (tenant, cluster) => registryOf(tenant, cluster) },
    inbox: {
      put: async (tenant, cluster, item) => {
        await beforePut?.();
        const key = `${tenant}/${cluster}/${item.nodeName}`;
        const kept = inbox.has(key) ? 'heartbeat' : 'report';
        inbox.set(key, item);
        return kept;
      },
      markLost: async () => undefined,
      list: async () => [...inbox.values()],
      delete: async (tenant, cluster, nodeName) => {
        inbox.delete(`${tenant}/${cluster}/${nodeName}`);
        return undefined;
      },
    },
    streams: {
      accept: async (id, host, status, body) => {
        if (id === 'unknown') return false;
        streams.push({ id, host, status, text: await new Response(body).text() });
        return true;
      },
    },
    clock: world.clock,
    log: silentLogger,
    clientIp: () => '192.0.2.50',
    onReport: (_tenant, cluster) => void reports.push(cluster),
  }) as Hono;
});
afterAll(() => world.close());
beforeEach(() => {
  beforePut = undefined;
});

const report: Report = { agentVersion: '1', bootId: 'b', observedRevision: 0, node: {}, labels: {}, pods: [], events: [] };

async function organisation() {
  const owner = await world.person();
  const cluster = await world.cluster(owner.token);
  const joinToken = async () => (await world.token(owner.token, { kind: 'join', cluster: cluster.id })).secret;
  return { ...owner, cluster, joinToken };
}

/** Sends a request of a host, signed at the server's time unless told otherwise. */
async function send(
  host: ReturnType<typeof newHost>,
  method: string,
  path: string,
  options: { body?: unknown; at?: number; headers?: Record<string, string> } = {},
) {
  const { body, at = world.clock.at, headers } = options;
  const response = await app.request(host.request(method, path, at, body, headers));
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
}

async function joined(name = 'n1') {
  const org = await organisation();
  const host = newHost();
  const { status, json } = await send(host, 'POST', '/node/v1/join', { body: host.joinBody(await org.joinToken(), name) });
  expect(status).toBe(200);
  return { ...org, host, nodeName: json.nodeName as string };
}

async function put(tenant: string, cluster: string, plural: string, object: object): Promise<void> {
  const { metadata } = object as AnyResource;
  const key = resourceKey('', plural, metadata.namespace, metadata.name);
  await registryOf(tenant, cluster).transact((txn) => txn.put(key, encodeResource(object as AnyResource)));
}

const meta = (name: string, namespace?: string) => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  ...(namespace ? { namespace } : {}),
});
const node = (name: string, status = {}) => ({ apiVersion: 'v1', kind: 'Node', metadata: meta(name), spec: {}, status });
const pod = (name: string, nodeName: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: meta(name, 'default'),
  spec: { nodeName, containers: [{ name: 'c', image: 'i' }] },
  status: {},
});

test('requests count for the organisation of the host that signed them, and others for nobody', async () => {
  const { host, tenant } = await joined();
  await send(host, 'POST', '/node/v1/report', { body: report });
  await send(host, 'GET', '/node/v1/assignment');
  expect((await send(host, 'GET', '/node/v1/assignment', { at: world.clock.at - 3_600_000 })).status).toBe(401);
  expect((await send(newHost(), 'GET', '/node/v1/assignment')).status).toBe(401);
  await world.accounts.flushRequests('all');
  expect((await world.accounts.usage(tenant)).requests.node).toBe(2);
});

describe('the answer to a report', () => {
  const answer = async (of: Awaited<ReturnType<typeof joined>>) =>
    (await send(of.host, 'POST', '/node/v1/report', { body: report })).json as { lease: boolean };
  const lost = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }];

  test('renews the lease of a host that has a Node, and not of one that is given up or being deleted', async () => {
    const org = await joined();
    expect(await answer(org)).toMatchObject({ lease: false });
    await put(org.tenant, org.cluster.id, 'nodes', node('n1'));
    expect(await answer(org)).toMatchObject({ lease: true });
    await put(org.tenant, org.cluster.id, 'nodes', { ...node('n1'), spec: { taints: lost } });
    expect(await answer(org)).toMatchObject({ lease: false });
    const deleted = { ...node('n1'), metadata: { ...meta('n1'), deletionTimestamp: '2026-01-01T00:00:00Z' } };
    await put(org.tenant, org.cluster.id, 'nodes', deleted);
    expect(await answer(org)).toMatchObject({ lease: false });
  });
});

describe('joining', () => {
  test('answers name, cluster and time, and a retry gets the same', async () => {
    const { joinToken, cluster, tenant } = await organisation();
    const host = newHost();
    const body = host.joinBody(await joinToken(), 'Box');
    const first = await send(host, 'POST', '/node/v1/join', { body });
    expect(first.json).toMatchObject({ nodeName: 'box', cluster: cluster.id, tenant, serverTime: world.clock.at });
    expect((await send(host, 'POST', '/node/v1/join', { body })).json).toEqual(first.json);
  });

  test('needs the private key of the key that joins', async () => {
    const { joinToken } = await organisation();
    const [victim, thief] = [newHost(), newHost()];
    const answer = await send(thief, 'POST', '/node/v1/join', { body: victim.joinBody(await joinToken()) });
    expect(answer).toMatchObject({ status: 401, json: { error: { code: 'signature_invalid' } } });
    expect(await world.accounts.hostOfKey(victim.publicKey)).toBeUndefined();
  });

  test.each([
    ['no token', { token: undefined }, 'invalid_request'],
    ['a key that is none', { publicKey: '!'.repeat(43) }, 'signature_invalid'],
    ['a name that is too long', { name: 'x'.repeat(64) }, 'invalid_request'],
    ['a garbled token', { token: 'trn_join_x' }, 'token_garbled'],
    ['a huge token', { token: 'x'.repeat(20_000) }, 'body_too_large'],
  ])('with %s is refused and says why', async (_what, change, code) => {
    const host = newHost();
    const answer = await send(host, 'POST', '/node/v1/join', { body: { ...host.joinBody('x'), ...change } });
    expect(answer.json.error).toMatchObject({ code, message: expect.any(String), fix: expect.any(String) });
  });

  test('under a wrong clock is refused with the time, and works with it', async () => {
    const { joinToken } = await organisation();
    const host = newHost();
    const body = host.joinBody(await joinToken());
    const wrong = await send(host, 'POST', '/node/v1/join', { body, at: 0 });
    expect(wrong).toMatchObject({
      status: 401,
      json: { error: { code: 'clock_skew', message: expect.stringContaining('behind') } },
    });
    const at = Number(wrong.headers.get(SERVER_TIME_HEADER));
    expect((await send(host, 'POST', '/node/v1/join', { body, at })).status).toBe(200);
  });
});

describe('a signed request', () => {
  test('of a key that never joined, or without signature, is refused', async () => {
    expect((await send(newHost(), 'GET', '/node/v1/assignment')).json.error.code).toBe('host_unknown');
    const bare = await app.request('https://terrane.test/node/v1/assignment');
    expect(bare.status).toBe(401);
    expect(((await bare.json()) as { error: { code: string } }).error.code).toBe('signature_missing');
    expect(bare.headers.get(SERVER_TIME_HEADER)).toBe(String(world.clock.at));
  });

  test.each([-301_000, 301_000])('%i ms off is refused with the time, and healed with it', async (off) => {
    const { host } = await joined();
    const wrong = await send(host, 'POST', '/node/v1/report', { body: report, at: world.clock.at + off });
    expect(wrong).toMatchObject({ status: 401, json: { error: { code: 'clock_skew' } } });
    const at = Number(wrong.headers.get(SERVER_TIME_HEADER));
    expect((await send(host, 'POST', '/node/v1/report', { body: report, at })).status).toBe(200);
  });

  test('is refused from the moment the node was removed, at every door', async () => {
    const { host, nodeName, token } = await joined();
    const push = hostAuthenticator({ accounts: world.accounts, clock: world.clock });
    const upgrade = () => push(host.request('GET', '/node/v1/push', world.clock.at));
    expect(await upgrade()).toMatchObject({ kind: 'host', nodeName });
    await world.expectStatus(204, 'DELETE', `/v1/nodes/${nodeName}`, { as: token });
    for (const [method, path, body] of [
      ['GET', '/node/v1/assignment', undefined],
      ['POST', '/node/v1/report', report],
    ] as const) {
      expect((await send(host, method, path, { body })).json.error).toMatchObject({
        code: 'host_revoked',
        fix: expect.any(String),
      });
    }
    const refused = await upgrade();
    expect(refused).toBeInstanceOf(Response);
    expect((refused as Response).status).toBe(401);
  });
});

describe('the assignment', () => {
  test('comes after the first report made the node, is only what concerns this host, and has an ETag', async () => {
    const { host, nodeName, tenant, cluster } = await joined();
    const early = await send(host, 'GET', '/node/v1/assignment');
    expect(early).toMatchObject({ status: 404, json: { error: { fix: expect.stringContaining('report') } } });

    await put(tenant, cluster.id, 'nodes', node(nodeName));
    await put(tenant, cluster.id, 'pods', pod('mine', nodeName));
    await put(tenant, cluster.id, 'pods', pod('others', 'elsewhere'));
    await put(tenant, cluster.id, 'secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: meta('s', 'default'),
      data: { k: 'djE=' },
    });
    const first = await send(host, 'GET', '/node/v1/assignment');
    expect(first.json).toMatchObject({
      cluster: cluster.id,
      node: { metadata: { name: nodeName } },
      secrets: [],
      configMaps: [],
    });
    expect(first.json.pods.map((p: AnyResource) => p.metadata.name)).toEqual(['mine']);
    const etag = first.headers.get('etag')!;

    const headers = { 'if-none-match': etag };
    await put(tenant, cluster.id, 'pods', pod('others', 'elsewhere-2'));
    await put(tenant, cluster.id, 'nodes', node(nodeName, { capacity: { cpu: '2' } }));
    expect(await send(host, 'GET', '/node/v1/assignment', { headers })).toMatchObject({ status: 304, text: '' });

    await put(tenant, cluster.id, 'pods', pod('second', nodeName));
    const next = await send(host, 'GET', '/node/v1/assignment', { headers });
    expect(next.json.pods).toHaveLength(2);
    expect(next.json.revision).toBeGreaterThan(first.json.revision);
  });

  test('of a host in another cluster of the same name is its own', async () => {
    const [a, b] = [await joined('same'), await joined('same')];
    await put(a.tenant, a.cluster.id, 'nodes', node('same'));
    await put(a.tenant, a.cluster.id, 'pods', pod('secret', 'same'));
    expect((await send(b.host, 'GET', '/node/v1/assignment')).status).toBe(404);
  });
});

describe('a report', () => {
  test('lands in the inbox under the host it is from, wakes the reconciler, and tells the revision', async () => {
    const { host, nodeName, tenant, cluster } = await joined();
    await put(tenant, cluster.id, 'nodes', node(nodeName));
    const answer = await send(host, 'POST', '/node/v1/report', { body: report });
    expect(answer).toMatchObject({ status: 200, json: { revision: registryOf(tenant, cluster.id).view().revision } });
    expect(inbox.get(`${tenant}/${cluster.id}/${nodeName}`)).toEqual({ nodeName, receivedAt: world.clock.at, report });
    expect(reports).toContain(cluster.id);
  });

  test('that is wrong is refused with the field, and nothing is kept', async () => {
    const { host, nodeName, tenant, cluster } = await joined();
    const answer = await send(host, 'POST', '/node/v1/report', { body: { ...report, observedRevision: -1 } });
    expect(answer).toMatchObject({
      status: 400,
      json: { error: { code: 'invalid_request', details: [{ field: 'observedRevision' }] } },
    });
    expect(inbox.has(`${tenant}/${cluster.id}/${nodeName}`)).toBe(false);
  });

  test('whose body was changed on the way is refused', async () => {
    const { host } = await joined();
    const signed = host.request('POST', '/node/v1/report', world.clock.at, report);
    const forged = new Request(signed.url, {
      method: 'POST',
      headers: signed.headers,
      body: JSON.stringify({ ...report, bootId: 'x' }),
    });
    expect((await app.request(forged)).status).toBe(401);
  });

  test('that is over-size is refused before it is read', async () => {
    const { host } = await joined();
    const answer = await send(host, 'POST', '/node/v1/report', { body: 'x', headers: { 'content-length': '9999999' } });
    expect(answer).toMatchObject({ status: 413, json: { error: { code: 'body_too_large' } } });
  });

  test('that crosses with the removal of its node leaves nothing behind', async () => {
    const { host, nodeName, tenant, cluster, token } = await joined();
    beforePut = () => world.expectStatus(204, 'DELETE', `/v1/nodes/${nodeName}`, { as: token });
    const answer = await send(host, 'POST', '/node/v1/report', { body: report });
    expect(answer.json.error.code).toBe('host_revoked');
    expect(inbox.has(`${tenant}/${cluster.id}/${nodeName}`)).toBe(false);
  });
});

describe('a stream', () => {
  test('is handed over as it comes, with its status, as the host that signed it', async () => {
    const { host, nodeName } = await joined();
    const post = (id: string, headers = {}) => {
      const url = `https://terrane.test/node/v1/streams/${id}`;
      const signed = signStream(host, url, headers);
      return app.request(new Request(url, { method: 'POST', headers: signed, body: 'no such container' }));
    };
    expect((await post('s1', { [STREAM_STATUS_HEADER]: '404' })).status).toBe(204);
    expect(streams.at(-1)).toMatchObject({ id: 's1', status: 404, text: 'no such container', host: { kind: 'host', nodeName } });
    expect((await post('unknown')).status).toBe(404);
    for (const strange of ['99999', '101', '0', '-1', '2e2.5', 'x'])
      expect((await post('s1', { [STREAM_STATUS_HEADER]: strange })).status).toBe(204);
    expect(streams.slice(-6).map(({ status }) => status)).toEqual([500, 500, 500, 500, 500, 500]);
  });

  const signStream = (host: ReturnType<typeof newHost>, url: string, headers: Record<string, string>) =>
    signRequest(
      { method: 'POST', url, body: { streamed: true }, headers: { host: 'terrane.test', ...headers } },
      { ...host.key, created: world.clock.at },
    );
});

test('all of it works over real HTTP, where Host and bodies are what a server makes of them', async () => {
  const { joinToken } = await organisation();
  const { key, joinBody } = newHost();
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  try {
    await new Promise((resolve) => server.once('listening', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/node/v1`;
    const post = (path: string, text: string, streamed = false) => {
      const signing = { method: 'POST', url: base + path, body: streamed ? { streamed: true as const } : text };
      return fetch(base + path, {
        method: 'POST',
        body: text,
        headers: signRequest(signing, { ...key, created: world.clock.at }),
      });
    };
    expect((await post('/join', JSON.stringify(joinBody(await joinToken())))).status).toBe(200);
    expect((await post('/report', JSON.stringify(report))).status).toBe(200);
    expect((await post('/streams/real', 'line\n', true)).status).toBe(204);
    expect(streams.at(-1)).toMatchObject({ id: 'real', status: 200, text: 'line\n' });
    expect((await post('/join', 'x'.repeat(100_000))).status).toBe(413);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
