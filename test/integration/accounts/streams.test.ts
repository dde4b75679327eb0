import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Hono } from 'hono';
import { authenticate } from '../../../functions/api/auth/authenticate.ts';
import { requireCluster } from '../../../functions/api/auth/require-cluster.ts';
import { whileAllowed } from '../../../functions/api/auth/while-allowed.ts';
import type { ApiEnv } from '../../../functions/context.ts';
import { openWorld, PASSWORD, type World } from './world.ts';

let world: World;
let app: Hono<ApiEnv>;
let opened = 0;
let ended = 0;
beforeAll(async () => {
  world = await openWorld();
  const { accounts } = world;
  app = new Hono<ApiEnv>();
  app.use(
    '/clusters/:cluster/*',
    authenticate({ accounts }),
    requireCluster({ accounts }),
    whileAllowed({ accounts, everyMs: 20 }),
  );
  app.get('/clusters/:cluster/api/v1/*', () => {
    opened++;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('first\n')),
      cancel: () => void ended++,
    });
    return new Response(body, { headers: { 'content-type': 'application/json', 'x-accel-buffering': 'no' } });
  });
});
afterAll(() => world.close());

async function watch(token: string, cluster: string, path = 'pods') {
  const response = await app.request(`https://terrane.test/clusters/${cluster}/api/v1/${path}?watch=1`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
  const reader = response.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('first\n');
  return reader;
}

test.each<[string, string, (of: { owner: string; member: string; id: string; token: string }) => Promise<unknown>]>([
  ['its token is revoked', 'pods', ({ owner, id }) => world.expectStatus(204, 'DELETE', `/v1/tokens/${id}`, { as: owner })],
  ['its token expires', 'pods', async () => (world.clock.at += 400 * 86_400_000)],
  [
    'the member is removed',
    'pods',
    ({ owner, member }) => world.expectStatus(204, 'DELETE', `/v1/members/${member}`, { as: owner }),
  ],
  [
    'the role no longer allows it',
    'secrets',
    ({ owner, member }) => world.expectStatus(200, 'PATCH', `/v1/members/${member}`, { as: owner, body: { role: 'viewer' } }),
  ],
  [
    'the role is lower than it was',
    'pods',
    ({ owner, member }) => world.expectStatus(200, 'PATCH', `/v1/members/${member}`, { as: owner, body: { role: 'viewer' } }),
  ],
])('a stream ends by itself when %s, and what feeds it is told', async (_, path, undo) => {
  const owner = await world.person();
  const email = `member-${opened}@example.com`;
  await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email, role: 'editor' } });
  const body = { email, password: PASSWORD, invitation: world.mailedSecret(email) };
  const { json } = await world.expectStatus(201, 'POST', '/v1/signup', { body });
  const { id } = await world.cluster(owner.token);
  const token = await world.token(json.token, { kind: 'api' });
  const reader = await watch(token.secret, id, path);
  const next = reader.read();
  const before = ended;
  await undo({ owner: owner.token, member: json.user.id, id: token.id, token: token.secret });
  expect(await next).toEqual({ done: true, value: undefined });
  expect(ended).toBe(before + 1);
});

test('a client that goes away ends what feeds the stream', async () => {
  const owner = await world.person();
  const reader = await watch(owner.token, (await world.cluster(owner.token)).id);
  const before = ended;
  await reader.cancel();
  expect(ended).toBe(before + 1);
});
