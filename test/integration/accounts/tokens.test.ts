import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { joinDirectly, newHost, openWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** An organisation with one cluster. */
async function organisation() {
  const owner = await world.person();
  const cluster = await world.cluster(owner.token);
  return { ...owner, cluster, joinToken: (more: object = {}) => world.token(owner.token, { kind: 'join', ...more }) };
}

const used = async (token: string) =>
  (await world.expectStatus(200, 'GET', '/v1/me', { as: token })).json.organisation.nodes.used as number;

describe('API tokens', () => {
  test('work until they are revoked, and say why not afterwards', async () => {
    const { token } = await organisation();
    const api = await world.token(token, { kind: 'api', role: 'viewer' });
    expect(api).toMatchObject({
      kind: 'api',
      role: 'viewer',
      state: 'active',
      secret: expect.stringMatching(/^trn_[a-z0-9]{12}_/),
    });
    expect((await world.expectStatus(200, 'GET', '/v1/me', { as: api.secret })).json.role).toBe('viewer');
    await world.expectStatus(204, 'DELETE', `/v1/tokens/${api.id}`, { as: token });
    await world.expectStatus(204, 'DELETE', `/v1/tokens/${api.id}`, { as: token });
    expect((await world.call('GET', '/v1/me', { as: api.secret })).json.error.code).toBe('token_revoked');
  });

  test('survive a log-out that was sent with them', async () => {
    const { token } = await organisation();
    const { secret: as } = await world.token(token, { kind: 'api' });
    expect((await world.call('POST', '/v1/logout', { as })).json.error.code).toBe('token_wrong_kind');
    await world.expectStatus(200, 'GET', '/v1/me', { as });
  });

  test('expire', async () => {
    const { token } = await organisation();
    const api = await world.token(token, { kind: 'api', expiresIn: 3600 });
    world.clock.at += 3_600_000;
    expect((await world.call('GET', '/v1/me', { as: api.secret })).json.error.code).toBe('token_expired');
    const { json } = await world.expectStatus(200, 'GET', '/v1/tokens', { as: token });
    expect(json.tokens).toMatchObject([{ id: api.id, state: 'expired' }]);
  });

  test('for one cluster reach neither others nor the organisation', async () => {
    const { token, cluster } = await organisation();
    const other = await world.cluster(token);
    const { secret: as } = await world.token(token, { kind: 'api', cluster: cluster.name });
    await world.expectStatus(200, 'GET', `/clusters/${cluster.id}/api`, { as });
    await world.expectStatus(404, 'GET', `/clusters/${other.id}/api`, { as });
    expect((await world.expectStatus(200, 'GET', '/v1/clusters', { as })).json.clusters).toHaveLength(1);
    for (const [method, path, body] of [
      ['POST', '/v1/tokens', { kind: 'api' }],
      ['POST', '/v1/clusters', { name: 'third' }],
      ['DELETE', `/v1/clusters/${cluster.id}`, undefined],
      ['POST', '/v1/members', { email: 'a@example.com' }],
      ['GET', '/v1/audit', undefined],
      ['GET', '/v1/tokens', undefined],
      ['GET', '/v1/members', undefined],
    ] as const) {
      expect([method, path, (await world.call(method, path, { as, body })).status]).toEqual([method, path, 403]);
    }
  });

  test('make no token that lives longer than they do', async () => {
    const { token } = await world.person();
    const parent = await world.token(token, { kind: 'api', expiresIn: 3600 });
    const tooLong = await world.call('POST', '/v1/tokens', { as: parent.secret, body: { kind: 'api', expiresIn: 3601 } });
    expect(tooLong).toMatchObject({ status: 400, json: { error: { details: [{ field: 'expiresIn' }] } } });
    expect(tooLong.json.error.message).toContain('3600 seconds');
    expect((await world.token(parent.secret, { kind: 'api' })).expiresAt).toBe(parent.expiresAt);
    world.clock.at += 3_590_000;
    expect((await world.token(parent.secret, { kind: 'api' })).expiresAt).toBe(parent.expiresAt);
  });

  test('take with them what was made with them when they are revoked: all the way down', async () => {
    const { token } = await world.person();
    const cluster = (await world.cluster(token)).id;
    const parent = await world.token(token, { kind: 'api' });
    const child = await world.token(parent.secret, { kind: 'api' });
    const join = await world.token(child.secret, { kind: 'join', cluster });
    const other = await world.token(token, { kind: 'api' });
    await world.expectStatus(204, 'DELETE', `/v1/tokens/${parent.id}`, { as: token });
    expect((await world.call('GET', '/v1/me', { as: child.secret })).json.error.code).toBe('token_revoked');
    expect((await world.call('GET', '/v1/me', { as: other.secret })).status).toBe(200);
    await expect(joinDirectly(world.accounts, join.secret)).rejects.toMatchObject({ code: 'token_revoked' });
    const audit = await world.expectStatus(200, 'GET', '/v1/audit?action=token.revoke', { as: token });
    expect(audit.json.records.map(({ target }: { target: string }) => target).sort()).toEqual(
      [parent.id, child.id, join.id].sort(),
    );
  });

  test('that are being revoked make nothing that stays', async () => {
    const { token } = await world.person();
    const parent = await world.token(token, { kind: 'api' });
    const [, ...made] = await Promise.all([
      world.call('DELETE', `/v1/tokens/${parent.id}`, { as: token }),
      ...Array.from({ length: 5 }, () => world.call('POST', '/v1/tokens', { as: parent.secret, body: { kind: 'api' } })),
    ]);
    for (const { status, json } of made) {
      expect([201, 401]).toContain(status);
      if (status === 201) expect((await world.call('GET', '/v1/me', { as: json.secret })).status).toBe(401);
    }
  });

  test('are shown once: lists and audit do not have them', async () => {
    const { token } = await organisation();
    const api = await world.token(token, { kind: 'api' });
    const lists = await Promise.all(['/v1/tokens', '/v1/audit'].map((path) => world.call('GET', path, { as: token })));
    for (const { text } of lists) {
      expect(text).toContain(api.id);
      expect(text).not.toContain(api.secret);
    }
  });
});

describe('join tokens', () => {
  test.each([
    [{ expiresIn: 59 }, /between 60/],
    [{ expiresIn: 31 * 86_400 }, /between 60/],
    [{ expiresIn: 1.5 }, /expiresIn/],
    [{ uses: 0 }, /uses must be between 1/],
    [{ uses: 1001 }, /1000/],
    [{ role: 'viewer' }, /role is for API tokens/],
    [{ cluster: '' }, /cluster/],
  ])('are not made with %j', async (more, message) => {
    const { token } = await organisation();
    const answer = await world.call('POST', '/v1/tokens', { as: token, body: { kind: 'join', ...more } });
    expect(answer).toMatchObject({ status: 400, json: { error: { message: expect.stringMatching(message) } } });
  });

  test('need a cluster, and take the only one', async () => {
    const { token } = await world.person();
    const none = await world.call('POST', '/v1/tokens', { as: token, body: { kind: 'join' } });
    expect(none.json.error.message).toMatch(/create one first/);
    const { id } = await world.cluster(token);
    expect((await world.token(token, { kind: 'join' })).cluster).toBe(id);
    await world.cluster(token);
    const several = await world.call('POST', '/v1/tokens', { as: token, body: { kind: 'join' } });
    expect(several.json.error.message).toMatch(/several/);
  });

  test('join one host, within an hour', async () => {
    const { token, joinToken, cluster, tenant } = await organisation();
    const join = await joinToken();
    expect(join).toMatchObject({ kind: 'join', uses: { used: 0, max: 1 }, expiresAt: world.clock.at + 3_600_000 });
    const answer = await joinDirectly(world.accounts, join.secret, 'Web_01.lan');
    expect(answer).toEqual({
      hostId: expect.any(String),
      nodeName: 'web-01-lan',
      tenant,
      cluster: cluster.id,
      serverTime: world.clock.at,
    });
    expect(await used(token)).toBe(1);
    const { json } = await world.expectStatus(200, 'GET', '/v1/nodes', { as: token });
    expect(json.nodes).toEqual([
      { name: 'web-01-lan', hostId: answer.hostId, cluster: cluster.id, joinedAt: world.clock.at, joinedWith: join.id },
    ]);
    const { json: audit } = await world.expectStatus(200, 'GET', '/v1/audit?limit=1', { as: token });
    expect(audit.records[0]).toMatchObject({
      action: 'node.join',
      target: 'web-01-lan',
      actor: { kind: 'host', tokenId: join.id },
    });
  });

  test.each<[string, (secret: string, id: string, as: string) => Promise<string>, string]>([
    ['garbled', async (secret) => `${secret.slice(0, -2)}xx`, 'token_garbled'],
    ['cut', async (secret) => secret.slice(0, 60), 'token_garbled'],
    [
      'expired',
      async (secret) => {
        world.clock.at += 3_600_000;
        return secret;
      },
      'token_expired',
    ],
    [
      'used',
      async (secret) => {
        await joinDirectly(world.accounts, secret);
        return secret;
      },
      'token_used',
    ],
    [
      'revoked',
      async (secret, id, as) => {
        await world.expectStatus(204, 'DELETE', `/v1/tokens/${id}`, { as });
        return secret;
      },
      'token_revoked',
    ],
    ['of the wrong kind', async (_secret, _id, as) => (await world.token(as, { kind: 'api' })).secret, 'token_wrong_kind'],
    [
      'of another server',
      async () =>
        (await import('../../../core/accounts/token-format.ts')).formatSecret('join', 'a'.repeat(12), new Uint8Array(32)),
      'token_unknown',
    ],
  ])('that are %s are refused with a message of their own, and nothing is half done', async (_how, spoil, code) => {
    const { token, joinToken } = await organisation();
    const join = await joinToken();
    const spoilt = await spoil(join.secret, join.id, token);
    const before = await used(token);
    await expect(joinDirectly(world.accounts, spoilt)).rejects.toMatchObject({ code });
    expect(await used(token)).toBe(before);
    expect((await world.call('GET', '/v1/nodes', { as: token })).json.nodes).toHaveLength(before);
  });

  test('with several uses join that many hosts, however many try at once', async () => {
    const { joinToken } = await organisation();
    const { secret } = await joinToken({ uses: 3 });
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => joinDirectly(world.accounts, secret)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'token_used' });
  });
});

describe('the plan', () => {
  test('of 11 hosts that join at the same time, 10 succeed, and the 11th is told what to do', async () => {
    const { token, joinToken } = await organisation();
    const tokens = await Promise.all(Array.from({ length: 11 }, () => joinToken()));
    const results = await Promise.allSettled(tokens.map(({ secret }) => joinDirectly(world.accounts, secret, 'web')));
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(refused).toEqual([expect.objectContaining({ code: 'node_limit_reached', status: 403 })]);
    expect(refused[0].message).toContain('10 of the 10 nodes');
    expect(refused[0].fix).toContain('terrane node remove');
    expect(await used(token)).toBe(10);
    const { json } = await world.expectStatus(200, 'GET', '/v1/nodes', { as: token });
    expect(new Set(json.nodes.map((node: { name: string }) => node.name)).size).toBe(10);
    // The refused host's token was not used up: it joins once there is room.
    const lost = tokens[results.findIndex((result) => result.status === 'rejected')]!;
    await world.expectStatus(204, 'DELETE', `/v1/nodes/${json.nodes[0].name}`, { as: token });
    await joinDirectly(world.accounts, lost.secret);
    expect(await used(token)).toBe(10);
  });

  test('holds when the store reports contention, and the hosts never see it', async () => {
    const { token, joinToken } = await organisation();
    const tokens = await Promise.all(Array.from({ length: 11 }, () => joinToken()));
    const conflicts = conflicting(2);
    try {
      const results = await Promise.allSettled(tokens.map(({ secret }) => joinDirectly(world.accounts, secret, 'web')));
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
      expect(refused).toEqual(['node_limit_reached']);
      expect(conflicts.count()).toBeGreaterThan(10);
      expect(await used(token)).toBe(10);
    } finally {
      conflicts.stop();
    }
  });

  /** The real store never reports a conflict; DynamoDB does. Two of three transactions are refused for it before they are sent. */
  function conflicting(of: number) {
    let seen = 0;
    let count = 0;
    world.client.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName === 'TransactWriteItemsCommand' && seen++ % (of + 1) !== 0) {
          count++;
          const CancellationReasons = [{ Code: 'TransactionConflict' }];
          throw new TransactionCanceledException({ message: 'conflict', $metadata: {}, CancellationReasons });
        }
        return next(args);
      },
      { step: 'initialize', name: 'conflicts' },
    );
    return { count: () => count, stop: () => void world.client.middlewareStack.remove('conflicts') };
  }

  test('counts all clusters of the organisation', async () => {
    const { token } = await world.person();
    for (const name of ['one', 'two']) {
      await world.cluster(token, name);
      const { secret } = await world.token(token, { kind: 'join', cluster: name, uses: 10 });
      for (let i = 0; i < 5; i++) await joinDirectly(world.accounts, secret);
    }
    const { secret } = await world.token(token, { kind: 'join', cluster: 'one' });
    await expect(joinDirectly(world.accounts, secret)).rejects.toMatchObject({ code: 'node_limit_reached' });
  });
});

describe('joining again', () => {
  test('with the same key and token gets the same answer, even when the token is used up or has expired', async () => {
    const { token, joinToken } = await organisation();
    const { secret } = await joinToken();
    const host = newHost();
    const first = await joinDirectly(world.accounts, secret, 'web', host);
    world.clock.at += 7_200_000;
    const again = await joinDirectly(world.accounts, secret, 'web', host);
    expect({ ...again, serverTime: 0 }).toEqual({ ...first, serverTime: 0 });
    expect(await used(token)).toBe(1);
  });

  test('at the same time is one host', async () => {
    const { token, joinToken } = await organisation();
    const { secret } = await joinToken({ uses: 5 });
    const host = newHost();
    const answers = await Promise.all(Array.from({ length: 4 }, () => joinDirectly(world.accounts, secret, 'web', host)));
    expect(new Set(answers.map(({ hostId }) => hostId)).size).toBe(1);
    expect(await used(token)).toBe(1);
  });

  test('with another token of the same cluster uses nothing up; of another cluster is refused', async () => {
    const { token, joinToken } = await organisation();
    const host = newHost();
    const first = await joinDirectly(world.accounts, (await joinToken()).secret, 'web', host);
    const second = await joinToken();
    expect((await joinDirectly(world.accounts, second.secret, 'web', host)).hostId).toBe(first.hostId);
    const { json } = await world.expectStatus(200, 'GET', '/v1/tokens', { as: token });
    expect(json.tokens.find((view: { id: string }) => view.id === second.id).uses.used).toBe(0);
    const other = await organisation();
    const foreign = await other.joinToken();
    await expect(joinDirectly(world.accounts, foreign.secret, 'web', host)).rejects.toMatchObject({
      code: 'host_already_joined',
    });
  });

  test('under a name that is taken gets a suffix', async () => {
    const { joinToken } = await organisation();
    const { secret } = await joinToken({ uses: 5 });
    const names: string[] = [];
    for (let i = 0; i < 3; i++) names.push((await joinDirectly(world.accounts, secret, 'web')).nodeName);
    expect(names).toEqual(['web', 'web-2', 'web-3']);
  });
});

describe('removing a node', () => {
  test('revokes its key, frees its name and its place, and tells the rest of the system; twice is 404', async () => {
    const { token, joinToken, tenant, cluster } = await organisation();
    const { secret } = await joinToken({ uses: 2 });
    const host = newHost();
    await joinDirectly(world.accounts, secret, 'gone', host);
    world.nodeResources.add('gone');
    await world.expectStatus(204, 'DELETE', '/v1/nodes/gone', { as: token });
    expect(world.revoked).toContain('gone');
    expect(world.nodeResources.has('gone')).toBe(false);
    expect(await world.accounts.hostOfKey(host.publicKey)).toMatchObject({ status: 'revoked' });
    expect(await used(token)).toBe(0);
    await world.expectStatus(404, 'DELETE', '/v1/nodes/gone', { as: token });
    expect(await world.accounts.removeHost(tenant, cluster.id, 'gone', { actor: { kind: 'system', id: 'test' } })).toBe(false);
    await expect(joinDirectly(world.accounts, secret, 'gone', host)).rejects.toMatchObject({ code: 'host_revoked' });
    expect((await joinDirectly(world.accounts, secret, 'gone')).nodeName).toBe('gone');
  });

  test('finishes what an earlier attempt left half way', async () => {
    const { token, joinToken } = await organisation();
    await joinDirectly(world.accounts, (await joinToken()).secret, 'other');
    world.nodeResources.add('leftover');
    await world.expectStatus(204, 'DELETE', '/v1/nodes/leftover', { as: token });
    await world.expectStatus(404, 'DELETE', '/v1/nodes/leftover', { as: token });
  });

  test('at the same time frees its place once', async () => {
    const { token, joinToken } = await organisation();
    const { secret } = await joinToken({ uses: 2 });
    await joinDirectly(world.accounts, secret, 'a');
    await joinDirectly(world.accounts, secret, 'b');
    await Promise.all([1, 2, 3].map(() => world.call('DELETE', '/v1/nodes/a', { as: token })));
    expect(await used(token)).toBe(1);
  });
});
