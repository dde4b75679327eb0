import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { FLUSH_MS } from '../../../store/accounts/request-counts.ts';
import { startControlPlane } from '../../../bin/server/control-plane.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
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
      requests: { month: '2027-01', api: 0, node: 0, updates: 0 },
      repositories: { used: 0, limit: 100 },
    });
  });

  describe('of requests', () => {
    const requestsOf = async (as: string) => (await world.expectStatus(200, 'GET', '/v1/usage', { as })).json['requests'];

    test("counts those with good credentials, by face and month, and nobody else's", async () => {
      await world.accounts.flushRequests('all');
      const { token, tenant } = await world.person();
      const other = await world.person();
      // The sign-up itself was nobody's request.
      for (let i = 0; i < 3; i++) await world.expectStatus(200, 'GET', '/v1/me', { as: token });
      await world.expectStatus(404, 'GET', '/v1/clusters/none', { as: token });
      await world.expectStatus(401, 'GET', '/v1/me');
      await world.expectStatus(401, 'GET', '/v1/me', { as: `${token.slice(0, -1)}x` });
      for (const face of ['node', 'updates'] as const) world.accounts.countRequest(tenant, face);
      await world.accounts.flushRequests('all');
      // This question is the fifth, and is added by the next flush.
      expect(await requestsOf(token)).toEqual({ month: '2027-01', api: 4, node: 1, updates: 1 });
      world.accounts.countRequest(tenant, 'node');
      await world.accounts.flushRequests('all');
      expect(await requestsOf(token)).toMatchObject({ api: 5, node: 2, updates: 1 });
      expect(await requestsOf(other.token)).toMatchObject({ api: 0, node: 0, updates: 0 });
      const { at } = world.clock;
      world.clock.at = Date.parse('2027-02-01T00:00:00Z');
      const february = await world.accounts.usage(tenant);
      world.clock.at = at;
      expect(february.requests).toEqual({ month: '2027-02', api: 0, node: 0, updates: 0 });
    });

    test('writes once in that time at most, whatever there was, and nothing when there was nothing', async () => {
      const { tenant } = await world.person();
      await world.accounts.flushRequests('all');
      const sent = jest.spyOn(world.client, 'send');
      try {
        await world.accounts.flushRequests('all');
        for (let i = 0; i < 1000; i++) world.accounts.countRequest(tenant, 'api');
        world.clock.at += FLUSH_MS - 1;
        await world.accounts.flushRequests('due');
        expect(sent).not.toHaveBeenCalled();
        world.clock.at += 1;
        await Promise.all([world.accounts.flushRequests('due'), world.accounts.flushRequests('due')]);
        // The month's first: it wasn't there.
        expect(sent).toHaveBeenCalledTimes(2);
        world.accounts.countRequest(tenant, 'api');
        await world.accounts.flushRequests('all');
        expect(sent).toHaveBeenCalledTimes(3);
      } finally {
        sent.mockRestore();
      }
      expect((await world.accounts.usage(tenant)).requests.api).toBe(1001);
    });

    test('an embedded server that is stopped has written them', async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'terrane-usage-'));
      try {
        const start = () => startControlPlane({ dataDir, log: silentLogger, publicUrl: () => '', print: () => {} });
        const first = await start();
        const account = { email: 'ada@example.com', password: PASSWORD, organisation: 'Analytical' };
        const { tenant } = await first.accounts.signUp(account, {});
        first.accounts.countRequest(tenant, 'api');
        await first.stop();
        const second = await start();
        const { requests } = await second.accounts.usage(tenant);
        await second.stop();
        expect(requests.api).toBe(1);
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    });

    test('loses none while the store is away, and brings nothing back of an organisation that was deleted', async () => {
      const owner = await world.person();
      world.accounts.countRequest(owner.tenant, 'node');
      const away = jest.spyOn(world.client, 'send').mockImplementation(() => Promise.reject(new Error('away')) as never);
      await world.accounts.flushRequests('all');
      away.mockRestore();
      world.accounts.countRequest(owner.tenant, 'node');
      await world.accounts.flushRequests('all');
      expect((await world.accounts.usage(owner.tenant)).requests.node).toBe(2);

      const { name } = (await world.expectStatus(200, 'GET', '/v1/me', { as: owner.token })).json['organisation'];
      await world.expectStatus(204, 'DELETE', '/v1/organisation', { as: owner.token, body: { confirm: name } });
      await world.accounts.flushRequests('all');
      const { Items } = await world.client.send(
        new ScanCommand({
          TableName: EMBEDDED_TABLES.tenant,
          ConsistentRead: true,
          FilterExpression: 'begins_with(pk, :tenant)',
          ExpressionAttributeValues: { ':tenant': { S: owner.tenant } },
        }),
      );
      expect(Items).toEqual([]);
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
