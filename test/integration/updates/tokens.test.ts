import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formatSecret } from '../../../core/accounts/token-format.ts';
import type { TerraneError } from '../../../core/errors/terrane-error.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { bootstrapCluster } from '../../../core/resources/namespaces.ts';
import { createUpdates } from '../../../functions/updates/create-updates.ts';
import { EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { type OpenKeyspaces, openKeyspaces } from '../../../store/keyspaces.ts';
import { payloadFiles } from '../../../store/payload-files.ts';
import { dynamoTable } from '../../../store/table.ts';
import { dynamoUpdateInstances } from '../../../store/update-instances.ts';
import { readUpdateTokens, seenUpdateTokens } from '../../../store/update-tokens.ts';
import { openWorld, type World } from '../accounts/world.ts';

/** Update tokens on the real store, in a process that is warm: it knows the token and has a replica of the registry. */

let world: World;
let keyspaces: OpenKeyspaces;
beforeAll(async () => {
  world = await openWorld({
    hooks: {
      async onClusterCreated(tenant, cluster) {
        const registry = await keyspaces.open(tenant, cluster, 'registry');
        await registry.transact((txn) => bootstrapCluster(txn, { now: world.clock.now(), newUid: randomUUID }));
      },
    },
  });
  keyspaces = openKeyspaces({ client: world.client, table: EMBEDDED_TABLES.tenant, clock: world.clock, log: silentLogger });
});
afterAll(async () => {
  await keyspaces.close();
  await world.close();
});

describe.each(['hosted', 'embedded'] as const)('%s', (mode) => {
  const service = () => {
    const { client, clock, accounts } = world;
    const { tenant: table } = EMBEDDED_TABLES;
    const seen = seenUpdateTokens();
    const own = openKeyspaces({ client, table, clock, log: silentLogger, onBeside: (...looked) => seen.seen(...looked) });
    const app = createUpdates({
      accounts: { findUpdateToken: accounts.findUpdateToken, countRequest: () => {} },
      tokens: mode === 'hosted' ? seen : readUpdateTokens(dynamoTable(client, table)),
      payloads: payloadFiles('/nowhere'),
      ticketKey: new Uint8Array(32),
      keyspaces: own,
      instances: dynamoUpdateInstances(client, table, clock),
      clock,
      log: silentLogger,
      clientIp: () => undefined,
      newUid: randomUUID,
    });
    const status = async (token: string, body = '<request protocol="3.0"/>') =>
      (await app.request(`/updates/${token}/v1/update/`, { method: 'POST', body })).status;
    return { status, close: () => own.close() };
  };

  test('a revoked token, an expired one, and one of a deleted cluster are refused at once, whatever they send; others are not', async () => {
    const owner = await world.person();
    const [kept, doomed] = [await world.cluster(owner.token), await world.cluster(owner.token)];
    const token = (cluster: string, more: object = {}) => world.token(owner.token, { kind: 'update', cluster, ...more });
    const [good, revoked, short] = [await token(kept.id), await token(kept.id), await token(kept.id, { expiresIn: 60 })];
    const ofDoomed = await token(doomed.id);
    const { status, close } = service();
    const statuses = (body?: string) => Promise.all([good, revoked, short, ofDoomed].map(({ secret }) => status(secret, body)));
    expect(await statuses()).toEqual([200, 200, 200, 200]);

    await world.expectStatus(204, 'DELETE', `/v1/tokens/${revoked.id}`, { as: owner.token });
    await world.expectStatus(204, 'DELETE', `/v1/clusters/${doomed.id}`, { as: owner.token });
    world.clock.at += 61_000;
    expect(await statuses()).toEqual([200, 401, 401, 401]);
    expect(await statuses('not an Omaha request')).toEqual([400, 401, 401, 401]);
    await close();
  });
});

test('tokens that nobody made are looked up so many times from an address and its /64, then refused; a known one is served on', async () => {
  const owner = await world.person();
  const { id } = await world.cluster(owner.token);
  const { secret } = await world.token(owner.token, { kind: 'update', cluster: id });
  const find = (token: string, ip: string) => world.accounts.findUpdateToken(token, ip);
  const guess = () => formatSecret('update', 'a'.repeat(12), randomBytes(32));
  await find(secret, '2001:db8::1');
  const outcomes = await Promise.all(
    Array.from({ length: 110 }, (_, i) =>
      find(guess(), `2001:db8::${i}`).then(
        () => 'found',
        (error: TerraneError) => error.code,
      ),
    ),
  );
  expect(outcomes.filter((code) => code === 'token_unknown')).toHaveLength(99);
  expect(outcomes.filter((code) => code === 'rate_limited')).toHaveLength(11);
  expect(await find(secret, '2001:db8::1')).toMatchObject({ cluster: id });
  await expect(find(guess(), '2001:db8:0:1::1')).rejects.toMatchObject({ code: 'token_unknown' });
  world.clock.at += 1_000;
  await expect(find(guess(), '2001:db8::2')).rejects.toMatchObject({ code: 'token_unknown' });
  await expect(find(guess(), '2001:db8::2')).rejects.toMatchObject({ code: 'rate_limited', retryAfter: 1 });
});

test('no token is made for a cluster that is being deleted', async () => {
  const owner = await world.person();
  const { id } = await world.cluster(owner.token);
  const made = Promise.all(
    Array.from({ length: 8 }, () => world.call('POST', '/v1/tokens', { as: owner.token, body: { kind: 'update', cluster: id } })),
  );
  await world.expectStatus(204, 'DELETE', `/v1/clusters/${id}`, { as: owner.token });
  const states = readUpdateTokens(dynamoTable(world.client, EMBEDDED_TABLES.tenant));
  for (const { status, json } of await made) {
    expect([201, 404]).toContain(status);
    if (status === 201) {
      const token = await world.accounts.findUpdateToken(json.secret as string);
      expect(await states.isGood(token)).toBe(false);
    }
  }
});
