import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { silentLogger } from '../../../core/ports/logger.ts';
import { bootstrapCluster } from '../../../core/resources/namespaces.ts';
import { clusterResources } from '../../../functions/api/cluster-resources.ts';
import { pushConnections } from '../../../store/connections.ts';
import { EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { dynamoInbox } from '../../../store/inbox.ts';
import { type OpenKeyspaces, openKeyspaces } from '../../../store/keyspaces.ts';
import { dynamoKvInterest } from '../../../store/kv-interest.ts';
import { dynamoKvUsage } from '../../../store/kv-usage.ts';
import { dynamoLeaseDeadlines } from '../../../store/lease-deadlines.ts';
import { logExists } from '../../../store/log-exists.ts';
import { streamParts } from '../../../store/stream-parts.ts';
import { dynamoUpdateInstances } from '../../../store/update-instances.ts';
import { dynamoWakes } from '../../../store/wakes.ts';
import { heard } from '../../support/builders.ts';
import { joinDirectly, openWorld, PASSWORD, type World } from './world.ts';

let world: World;
let keyspaces: OpenKeyspaces;
beforeAll(async () => {
  const hooks = {
    async onClusterCreated(tenant: string, cluster: string) {
      const registry = await keyspaces.open(tenant, cluster, 'registry');
      await registry.transact((txn) => bootstrapCluster(txn, { now: world.clock.now(), newUid: randomUUID }));
    },
  };
  world = await openWorld({ hooks });
  keyspaces = openKeyspaces({ client: world.client, table: 'tenant', clock: world.clock, log: silentLogger });
});
afterAll(async () => {
  await keyspaces.close();
  await world.close();
});

/** All items of both tables, as text. */
async function everything(): Promise<string[]> {
  const found: string[] = [];
  for (const TableName of Object.values(EMBEDDED_TABLES)) {
    let ExclusiveStartKey: Record<string, { S: string }> | undefined;
    do {
      const page = await world.client.send(new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey }));
      found.push(
        ...(page.Items ?? []).map((item) =>
          JSON.stringify(item, (_, value) => (value instanceof Uint8Array ? value.length : (value as unknown))),
        ),
      );
      ExclusiveStartKey = page.LastEvaluatedKey as typeof ExclusiveStartKey;
    } while (ExclusiveStartKey);
  }
  return found;
}

const about = async (...words: string[]) => (await everything()).filter((item) => words.some((word) => item.includes(word)));

/** A cluster with everything that a cluster can have in the tables, but no host. */
async function fullCluster(owner: { token: string; tenant: string }) {
  const { id } = await world.cluster(owner.token);
  const registry = await keyspaces.open(owner.tenant, id, 'registry');
  await registry.snapshot();
  const kv = await keyspaces.open(owner.tenant, id, 'kv');
  // Random, so that it doesn't compress: it takes chunks.
  await kv.transact((txn) => txn.put('big', randomBytes(1_000_000)));
  await kv.snapshot();
  const report = heard('gone', 1);
  await dynamoInbox(world.client, 'tenant').put(owner.tenant, id, report);
  const host = { kind: 'host' as const, tenant: owner.tenant, cluster: id, hostId: 'h', nodeName: 'gone' };
  await pushConnections(world.client, EMBEDDED_TABLES, world.clock).add(host, `connection-of-${id}`);
  await dynamoWakes(world.client, 'identity').set(owner.tenant, id, world.clock.at);
  const seen = { application: 'flatcar', instance: 'm', group: 'g', at: world.clock.at, version: '1', arch: 'amd64' };
  const instances = dynamoUpdateInstances(world.client, 'tenant', world.clock);
  await instances.put(owner.tenant, id, { ...seen, alias: '', oem: '', ip: '192.0.2.1' }, 60_000);
  await dynamoLeaseDeadlines(world.client, 'tenant')(owner.tenant, id).start(7n, world.clock.at);
  await dynamoKvUsage(world.client, 'tenant')(owner.tenant).report(id, 1_000_000);
  await dynamoKvInterest(world.client, 'tenant').mark(owner.tenant, id, 'gone', world.clock.at + 60_000);
  const parts = streamParts(world.client, 'tenant', world.clock, owner.tenant, id);
  await parts.open('a-stream', 'gone');
  await parts.put('a-stream', 'gone', { number: 0, status: 200, last: false, bytes: randomBytes(10) });
  return id;
}

test('a deleted cluster leaves no log, snapshot, report, connection or alarm behind; its neighbour keeps all', async () => {
  const owner = await world.person();
  const [id, neighbour] = [await fullCluster(owner), await fullCluster(owner)];
  const before = (await about(neighbour)).length;
  for (const kind of ['log', 'chunk', 'snap', 'lease', 'inbox', 'beat', 'conn', 'updates', 'kvuse', 'stream'])
    expect(await about(`${owner.tenant}#${kind}#${id}`)).not.toEqual([]);
  const exists = logExists(world.client, 'tenant');
  expect(await exists(owner.tenant, id)).toBe(true);
  await world.expectStatus(204, 'DELETE', `/v1/clusters/${id}`, { as: owner.token });
  expect([await exists(owner.tenant, id), await exists(owner.tenant, neighbour)]).toEqual([false, true]);
  const left = await about(id);
  // Who made and deleted it is still told.
  expect(left.filter((item) => !item.includes(`${owner.tenant}#audit`))).toEqual([]);
  expect(await about(neighbour)).toHaveLength(before);
});

describe('an organisation', () => {
  /** One with everything that an organisation can have in the tables. */
  async function fullOrganisation() {
    const owner = await world.person();
    const cluster = await fullCluster(owner);
    const join = await world.token(owner.token, { kind: 'join', cluster, uses: 5 });
    await world.token(owner.token, { kind: 'api' });
    const [kept, removed] = await Promise.all(['kept', 'removed'].map((name) => joinDirectly(world.accounts, join.secret, name)));
    await world.expectStatus(204, 'DELETE', `/v1/nodes/${removed!.nodeName}?cluster=${cluster}`, { as: owner.token });
    const member = async (email: string) => {
      await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email, role: 'admin' } });
      const body = { email, password: PASSWORD, invitation: world.mailedSecret(email) };
      const { json } = await world.expectStatus(201, 'POST', '/v1/signup', { body });
      return { email, token: json.token as string, userId: json.user.id as string };
    };
    const only = await member(`only-${cluster}@example.com`);
    const shared = await member(`shared-${randomUUID()}@example.com`);
    await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email: `invited-${cluster}@example.com` } });
    await world.expectStatus(202, 'POST', '/v1/password/forgot', { body: { email: owner.email } });
    const code = (await world.expectStatus(200, 'POST', '/v1/device/code')).json;
    await world.expectStatus(204, 'POST', '/v1/device/approve', { as: owner.token, body: { user_code: code.user_code } });
    const name = (await world.expectStatus(200, 'GET', '/v1/me', { as: owner.token })).json.organisation.name as string;
    return { owner, cluster, kept: kept!, removed: removed!, only, shared, name };
  }

  test('is exported with all that it has, and nothing secret', async () => {
    const { owner, cluster, only } = await fullOrganisation();
    const { text, headers } = await world.expectStatus(200, 'GET', '/v1/organisation/export', { as: owner.token });
    expect(headers.get('content-disposition')).toContain('organisation.ndjson');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    const types = [...new Set(lines.map(({ type }) => type))];
    expect(types).toEqual(['organisation', 'member', 'invitation', 'token', 'cluster', 'node', 'resource', 'audit']);
    expect(text).toContain(cluster);
    expect(text).not.toMatch(/"hash"|"password"|\$argon2|\$scrypt|trn_/);
    await world.expectStatus(403, 'GET', '/v1/organisation/export', { as: only.token });
    const resources: unknown[] = [];
    for await (const resource of clusterResources(keyspaces)(owner.tenant, cluster)) resources.push(resource);
    expect(resources).toContainEqual(expect.objectContaining({ kind: 'Namespace' }));
  });

  test('is deleted by an owner who names it, and nothing of it is left in either table', async () => {
    const other = await world.person();
    const { owner, cluster, kept, removed, only, shared, name } = await fullOrganisation();
    await world.expectStatus(201, 'POST', '/v1/members', { as: other.token, body: { email: shared.email, role: 'editor' } });
    const invitation = { token: world.mailedSecret(shared.email) };
    await world.expectStatus(200, 'POST', '/v1/members/accept', { as: shared.token, body: invitation });
    const untouched = (await about(other.tenant)).length;

    for (const body of [{ confirm: 'wrong' }, { confirm: '' }, { confirm: name.toUpperCase() }]) {
      const answer = await world.call('DELETE', '/v1/organisation', { as: owner.token, body });
      expect(answer).toMatchObject({ status: 400, json: { error: { details: [{ field: 'confirm' }] } } });
    }
    await world.expectStatus(403, 'DELETE', '/v1/organisation', { as: only.token, body: { confirm: name } });
    const api = await world.token(owner.token, { kind: 'api' });
    await world.expectStatus(403, 'DELETE', '/v1/organisation', { as: api.secret, body: { confirm: name } });
    await world.expectStatus(200, 'GET', `/v1/clusters/${cluster}`, { as: owner.token });

    await world.expectStatus(204, 'DELETE', '/v1/organisation', { as: owner.token, body: { confirm: name } });
    const ids = [owner.tenant, owner.userId, owner.email, cluster, kept.hostId, removed.hostId, only.userId, only.email, api.id];
    // What shared is in the other organisation stays, and names none of these.
    expect(await about(...ids)).toEqual([]);
    for (const as of [owner.token, only.token, shared.token, api.secret])
      expect((await world.call('GET', '/v1/me', { as })).status).toBe(401);
    await world.expectStatus(401, 'POST', '/v1/login', { body: { email: only.email, password: PASSWORD } });

    // The other organisation has all it had, and its member the account.
    const login = await world.expectStatus(200, 'POST', '/v1/login', { body: { email: shared.email, password: PASSWORD } });
    expect(login.json).toMatchObject({
      organisation: { id: other.tenant },
      role: 'editor',
      organisations: [{ id: other.tenant }],
    });
    expect((await about(other.tenant)).length).toBeGreaterThanOrEqual(untouched);
    // And the address is free again.
    await world.person(only.email);
  });

  test('whose deletion is cut short again and again is deleted by asking again', async () => {
    const { owner, name } = await fullOrganisation();
    const send = world.client.send.bind(world.client) as (...args: unknown[]) => unknown;
    // oxlint-disable-next-line typescript/unbound-method -- put back as it was
    const whole = world.client.send;
    const statuses: number[] = [];
    while (statuses.at(-1) !== 204) {
      let left = 20 + 5 * statuses.length;
      world.client.send = ((...args: unknown[]) => {
        if (left-- <= 0) return Promise.reject(new Error('power cut'));
        return send(...args);
      }) as typeof whole;
      const { status } = await world.call('DELETE', '/v1/organisation', { as: owner.token, body: { confirm: name } });
      world.client.send = whole;
      expect([204, 500]).toContain(status);
      statuses.push(status);
    }
    expect(statuses.length).toBeGreaterThan(2);
    expect(await about(owner.tenant, owner.userId)).toEqual([]);
  });
});
