import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { dynamoKvUsage } from '../../../store/kv-usage.ts';
import { joinDirectly, openWorld, PASSWORD, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ freePlan: { nodes: 2, clusters: 3, members: 3, kvBytes: 5_000_000 } });
});
afterAll(() => world.close());

describe('audit records', () => {
  const actions = (json: { records?: { action: string }[] }) => json.records!.map(({ action }) => action);

  test('are found by action, by who did it and by time, page by page', async () => {
    const { token, email, userId } = await world.person();
    const start = world.clock.at;
    for (let i = 0; i < 3; i++) {
      world.clock.at += 1000;
      await world.token(token, { kind: 'api' });
    }
    world.clock.at += 1000;
    await world.cluster(token);
    const get = async (query: string) => (await world.expectStatus(200, 'GET', `/v1/audit?${query}`, { as: token })).json;
    expect(actions(await get('action=token.create.api'))).toHaveLength(3);
    expect(actions(await get('action=cluster.'))).toEqual(['cluster.create']);
    expect(actions(await get('action=token'))).toEqual([]);
    expect(actions(await get(`actor=${email}`))).toHaveLength(5);
    expect(actions(await get(`actor=${userId}&action=user.signup`))).toHaveLength(1);
    expect(actions(await get('actor=someone@example.com'))).toEqual([]);
    expect(actions(await get(`since=${start + 2000}&until=${start + 4000}`))).toEqual(['token.create.api', 'token.create.api']);
    expect(actions(await get(`until=${new Date(start + 1).toISOString()}`))).toEqual(['user.signup']);
    expect(actions(await get(`since=${start + 4000}&until=${start}`))).toEqual([]);
    const first = await get('action=token.&limit=2');
    expect(first.records).toHaveLength(2);
    const rest = await get(`action=token.&limit=2&before=${first.next}&since=${start}`);
    expect(rest.records).toHaveLength(1);
    expect(rest.next).toBeUndefined();
    expect(await world.call('GET', '/v1/audit?since=yesterday', { as: token })).toMatchObject({
      status: 400,
      json: { error: { details: [{ field: 'since' }] } },
    });
  });

  test('are exported one a line, all that match', async () => {
    const { token, tenant } = await world.person();
    const who = { actor: { kind: 'system' as const, id: 'test' } };
    for (let i = 0; i < 510; i++) await world.accounts.recordAudit(tenant, who, 'test.many', String(i));
    const answer = await world.expectStatus(200, 'GET', '/v1/audit/export?action=test.', { as: token });
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    const targets = answer.text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { target: string }).target);
    expect(targets).toEqual(Array.from({ length: 510 }, (_, i) => String(509 - i)));
    expect((await world.expectStatus(200, 'GET', '/v1/audit/export?action=none', { as: token })).text).toBe('');
  });
});

describe('usage', () => {
  test('tells what the organisation has of what its plan allows', async () => {
    const { token } = await world.person();
    const cluster = await world.cluster(token);
    const join = await world.token(token, { kind: 'join', cluster: cluster.id });
    await joinDirectly(world.accounts, join.secret, 'n');
    const { json } = await world.expectStatus(200, 'GET', '/v1/usage', { as: token });
    expect(json).toEqual({
      plan: 'free',
      nodes: { used: 1, limit: 2 },
      clusters: { used: 1, limit: 3 },
      members: { used: 1, limit: 3 },
      kvBytes: { used: 0, limit: 5_000_000 },
    });
  });

  test("counts the bytes of all clusters' key-value stores, of what the plan allows them", async () => {
    const { token, tenant } = await world.person();
    const clusters = [await world.cluster(token), await world.cluster(token)];
    const kv = dynamoKvUsage(world.client, EMBEDDED_TABLES.tenant)(tenant);
    await kv.report(clusters[0]!.id, 1_000_000);
    await kv.report(clusters[1]!.id, 234);
    // The quota that writes are held to is the plan's.
    expect(await kv.quota()).toBe(5_000_000);
    expect(await kv.others(clusters[1]!.id)).toBe(1_000_000);
    const used = async () => (await world.expectStatus(200, 'GET', '/v1/usage', { as: token })).json['kvBytes'].used;
    expect(await used()).toBe(1_000_234);
    await world.expectStatus(204, 'DELETE', `/v1/clusters/${clusters[0]!.id}`, { as: token });
    expect(await used()).toBe(234);
  });

  test('never goes beyond the plan, however many accept an invitation at once; who leaves makes room', async () => {
    const owner = await world.person();
    const accept = async (i: number) => {
      const guest = await world.person();
      await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email: guest.email, role: 'owner' } });
      const token = world.mailedSecret(guest.email);
      return { i, guest, go: () => world.call('POST', '/v1/members/accept', { as: guest.token, body: { token } }) };
    };
    const guests = await Promise.all([0, 1, 2, 3].map(accept));
    const answers = await Promise.all(guests.map(({ go }) => go()));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 200, 403, 403]);
    expect(answers.find(({ status }) => status === 403)!.json.error).toMatchObject({
      code: 'member_limit_reached',
      message: expect.stringContaining('3 members'),
    });
    const members = async () => (await world.call('GET', '/v1/usage', { as: owner.token })).json.members.used;
    expect(await members()).toBe(3);
    const out = guests[answers.findIndex(({ status }) => status === 200)]!.guest;
    await world.expectStatus(204, 'DELETE', `/v1/members/${out.userId}`, { as: owner.token });
    expect(await members()).toBe(2);
    const refused = guests[answers.findIndex(({ status }) => status === 403)]!;
    expect((await refused.go()).status).toBe(200);
    const email = 'late@example.com';
    await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email } });
    const invitation = world.mailedSecret(email);
    const body = { email, password: PASSWORD, invitation };
    expect((await world.call('POST', '/v1/signup', { body })).json.error.code).toBe('member_limit_reached');
  });
});
