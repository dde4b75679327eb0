import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { joinDirectly, openWorld, PASSWORD, type World } from './world.ts';

let world: World;
let owner: Awaited<ReturnType<World['person']>>;
beforeAll(async () => {
  world = await openWorld();
  owner = await world.person();
});
afterAll(() => world.close());

/** Someone with this role in the owner's organisation. */
async function member(role: string): Promise<{ email: string; token: string; id: string }> {
  const email = `${role}-${world.mails.length}@example.com`;
  await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email, role } });
  const invitation = world.mailedSecret(email);
  const { json } = await world.expectStatus(201, 'POST', '/v1/signup', { body: { email, password: PASSWORD, invitation } });
  return { email, token: json.token, id: json.user.id };
}

describe('members', () => {
  test('are invited by mail; the invitation verifies the address and works once', async () => {
    const { email, token } = await member('editor');
    const me = await world.expectStatus(200, 'GET', '/v1/me', { as: token });
    expect(me.json).toMatchObject({ user: { email, verified: true }, role: 'editor', organisation: { id: owner.tenant } });
    const again = await world.call('POST', '/v1/signup', {
      body: { email: 'other@example.com', password: PASSWORD, invitation: world.mailedSecret(email) },
    });
    expect(again).toMatchObject({ status: 400, json: { error: { code: 'invitation_invalid' } } });
  });

  test('can not use an invitation that was sent to another address', async () => {
    await world.expectStatus(201, 'POST', '/v1/members', {
      as: owner.token,
      body: { email: 'meant@example.com', role: 'admin' },
    });
    const invitation = world.mailedSecret('meant@example.com');
    const stranger = await world.person();
    const accepted = await world.call('POST', '/v1/members/accept', { as: stranger.token, body: { token: invitation } });
    expect(accepted.json.error.code).toBe('invitation_invalid');
    const signedUp = await world.call('POST', '/v1/signup', {
      body: { email: 'thief@example.com', password: PASSWORD, invitation },
    });
    expect(signedUp.json.error.code).toBe('invitation_invalid');
  });

  test('are told when the invitation could not be mailed', async () => {
    world.failMail();
    const answer = await world.call('POST', '/v1/members', { as: owner.token, body: { email: 'lost@example.com' } });
    expect(answer).toMatchObject({
      status: 503,
      json: { error: { code: 'unavailable', fix: expect.stringContaining('again') } },
    });
    await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email: 'lost@example.com' } });
  });

  test('who have an account accept with it, and choose the organisation when they log in', async () => {
    const guest = await world.person();
    await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email: guest.email, role: 'viewer' } });
    const body = { token: world.mailedSecret(guest.email) };
    const accepted = await world.expectStatus(200, 'POST', '/v1/members/accept', { as: guest.token, body });
    expect(accepted.json.organisation).toBe(owner.tenant);
    const home = await world.expectStatus(200, 'POST', '/v1/login', { body: { email: guest.email, password: PASSWORD } });
    expect(home.json.organisation.id).toBe(guest.tenant);
    const there = await world.expectStatus(200, 'POST', '/v1/login', {
      body: { email: guest.email, password: PASSWORD, organisation: owner.tenant },
    });
    expect(there.json).toMatchObject({ organisation: { id: owner.tenant }, role: 'viewer' });
    const foreign = await world.call('POST', '/v1/login', {
      body: { email: guest.email, password: PASSWORD, organisation: 'nope' },
    });
    expect(foreign.status).toBe(404);
  });

  test('who are removed lose their sessions and tokens at the next request', async () => {
    const editor = await member('editor');
    const api = await world.token(editor.token, { kind: 'api' });
    await world.expectStatus(200, 'GET', '/v1/me', { as: api.secret });
    await world.expectStatus(204, 'DELETE', `/v1/members/${editor.id}`, { as: owner.token });
    for (const as of [editor.token, api.secret]) {
      expect(await world.call('GET', '/v1/clusters', { as })).toMatchObject({
        status: 401,
        json: { error: { code: 'token_revoked' } },
      });
    }
  });

  test('are not removed, nor robbed of their tokens, by a token of theirs that may only read', async () => {
    const admin = await member('admin');
    const reading = await world.token(admin.token, { kind: 'api', role: 'viewer' });
    const writing = await world.token(admin.token, { kind: 'api', role: 'editor' });
    const { id: cluster } = await world.cluster(owner.token, 'robbed');
    const join = await world.token(admin.token, { kind: 'join', cluster });
    for (const path of [`/v1/members/${admin.id}`, `/v1/tokens/${writing.id}`, `/v1/tokens/${join.id}`])
      await world.expectStatus(403, 'DELETE', path, { as: reading.secret });
    await world.expectStatus(200, 'GET', '/v1/clusters', { as: writing.secret });
    await world.expectStatus(204, 'DELETE', `/v1/tokens/${reading.id}`, { as: writing.secret });
    await world.expectStatus(204, 'DELETE', `/v1/tokens/${writing.id}`, { as: writing.secret });
    await world.expectStatus(204, 'DELETE', `/v1/tokens/${join.id}`, { as: admin.token });
    await world.expectStatus(204, 'DELETE', `/v1/members/${admin.id}`, { as: admin.token });
  });

  test('whose role is lowered take their tokens with them', async () => {
    const admin = await member('admin');
    const api = await world.token(admin.token, { kind: 'api', role: 'admin' });
    await world.expectStatus(200, 'PATCH', `/v1/members/${admin.id}`, { as: owner.token, body: { role: 'viewer' } });
    const answer = await world.call('POST', '/v1/clusters', { as: api.secret, body: { name: 'nope' } });
    expect(answer.json.error).toMatchObject({ code: 'role_too_low', message: expect.stringContaining('admin') });
  });

  test('who were removed come back by another invitation, as who has an account accepts one: at the log-in', async () => {
    const editor = await member('editor');
    await world.expectStatus(204, 'DELETE', `/v1/members/${editor.id}`, { as: owner.token });
    const login = { email: editor.email, password: PASSWORD };
    const nowhere = await world.call('POST', '/v1/login', { body: login });
    expect(nowhere).toMatchObject({ status: 404, json: { error: { fix: expect.stringContaining('--invitation') } } });

    await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email: editor.email, role: 'viewer' } });
    const invitation = world.mailedSecret(editor.email);
    const wrong = { ...login, password: `${PASSWORD}?`, invitation };
    await world.expectStatus(401, 'POST', '/v1/login', { body: wrong });
    const back = await world.expectStatus(200, 'POST', '/v1/login', { body: { ...login, invitation } });
    expect(back.json).toMatchObject({ organisation: { id: owner.tenant }, role: 'viewer' });
    const again = await world.call('POST', '/v1/login', { body: { ...login, invitation } });
    expect(again.json.error.code).toBe('invitation_invalid');
  });

  test('who are removed or lowered leave no join tokens behind that work', async () => {
    await world.cluster(owner.token, 'left-behind');
    for (const { leave, name } of [
      { name: 'fired', leave: (id: string) => world.expectStatus(204, 'DELETE', `/v1/members/${id}`, { as: owner.token }) },
      {
        name: 'lowered',
        leave: (id: string) =>
          world.expectStatus(200, 'PATCH', `/v1/members/${id}`, { as: owner.token, body: { role: 'editor' } }),
      },
    ]) {
      const admin = await member('admin');
      const join = await world.token(admin.token, { kind: 'join', cluster: 'left-behind', uses: 2 });
      await joinDirectly(world.accounts, join.secret, `${name}-1`);
      await leave(admin.id);
      await expect(joinDirectly(world.accounts, join.secret, `${name}-2`)).rejects.toMatchObject({ code: 'token_revoked' });
    }
    const { json } = await world.expectStatus(200, 'GET', '/v1/nodes?cluster=left-behind', { as: owner.token });
    expect(json.nodes).toHaveLength(2);
  });

  test('always include an owner, even when two leave at the same time', async () => {
    const first = await world.person();
    const lone = await world.call('DELETE', `/v1/members/${first.userId}`, { as: first.token });
    expect(lone).toMatchObject({ status: 409, json: { error: { code: 'last_owner' } } });

    await world.expectStatus(201, 'POST', '/v1/members', {
      as: first.token,
      body: { email: 'second@example.com', role: 'owner' },
    });
    const { json: second } = await world.expectStatus(201, 'POST', '/v1/signup', {
      body: { email: 'second@example.com', password: PASSWORD, invitation: world.mailedSecret('second@example.com') },
    });
    const leaving = await Promise.all([
      world.call('DELETE', `/v1/members/${first.userId}`, { as: first.token }),
      world.call('PATCH', `/v1/members/${second.user.id}`, { as: second.token, body: { role: 'viewer' } }),
    ]);
    expect(leaving.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([expect.any(Number), 409]);
  });
});

describe('roles', () => {
  const cases: [string, string, unknown, Record<string, number>][] = [
    ['GET', '/v1/clusters', undefined, { viewer: 200, editor: 200, admin: 200 }],
    ['GET', '/v1/audit', undefined, { viewer: 403, editor: 403, admin: 200 }],
    ['POST', '/v1/clusters', { name: 'ROLE' }, { viewer: 403, editor: 403, admin: 201 }],
    ['POST', '/v1/tokens', { kind: 'join', cluster: 'main' }, { viewer: 403, editor: 403, admin: 201 }],
    ['POST', '/v1/tokens', { kind: 'api', role: 'editor' }, { viewer: 403, editor: 201, admin: 201 }],
    ['POST', '/v1/tokens', { kind: 'api', role: 'owner' }, { viewer: 403, editor: 403, admin: 403 }],
    ['POST', '/v1/members', { email: 'ROLE-x@example.com', role: 'viewer' }, { viewer: 403, editor: 403, admin: 201 }],
    ['POST', '/v1/members', { email: 'ROLE-y@example.com', role: 'owner' }, { viewer: 403, editor: 403, admin: 403 }],
    ['DELETE', '/v1/nodes/none?cluster=main', undefined, { viewer: 403, editor: 403, admin: 404 }],
    ['GET', '/clusters/main/api/v1/pods', undefined, { viewer: 200, editor: 200, admin: 200 }],
    ['GET', '/clusters/main/api/v1/secrets', undefined, { viewer: 403, editor: 200, admin: 200 }],
    ['POST', '/clusters/main/api/v1/namespaces/x/pods', {}, { viewer: 403, editor: 200, admin: 200 }],
  ];

  test('decide what each may do', async () => {
    await world.cluster(owner.token, 'main');
    for (const role of ['viewer', 'editor', 'admin']) {
      const { token } = await member(role);
      for (const [method, path, body, expected] of cases) {
        const sent = body === undefined ? undefined : JSON.parse(JSON.stringify(body).replace('ROLE', role));
        const answer = await world.call(method, path, { as: token, body: sent });
        expect([role, method, path, body, answer.status]).toEqual([role, method, path, body, expected[role]]);
      }
    }
  });
});

describe('another organisation', () => {
  test('gets the same 404 for what is ours as for what is not there, on every route', async () => {
    const stranger = await world.person();
    const cluster = await world.cluster(owner.token);
    await world.cluster(stranger.token);
    const join = await world.token(owner.token, { kind: 'join', cluster: cluster.id });
    const { nodeName } = await joinDirectly(world.accounts, join.secret, 'theirs');
    const routes: [string, (name: string) => string, unknown?][] = [
      ['GET', () => `/v1/clusters/${cluster.id}`],
      ['GET', () => `/v1/clusters/${cluster.name}`],
      ['DELETE', () => `/v1/clusters/${cluster.id}`],
      ['DELETE', () => `/v1/clusters/${cluster.name}`],
      ['GET', () => `/v1/nodes?cluster=${cluster.id}`],
      ['DELETE', () => `/v1/nodes/${nodeName}?cluster=${cluster.id}`],
      ['DELETE', () => `/v1/nodes/${nodeName}`],
      ['POST', () => '/v1/tokens', { kind: 'join', cluster: cluster.id }],
      ['POST', () => '/v1/tokens', { kind: 'api', cluster: cluster.name }],
      ['DELETE', () => `/v1/tokens/${join.id}`],
      ['PATCH', () => `/v1/members/${owner.userId}`, { role: 'viewer' }],
      ['DELETE', () => `/v1/members/${owner.userId}`],
      ['GET', () => `/clusters/${cluster.id}/api/v1/pods`],
      ['GET', () => `/clusters/${cluster.name}/api/v1/pods`],
      ['DELETE', () => `/clusters/${cluster.id}/api/v1/namespaces/default/pods/x`],
    ];
    const names = [cluster.id, cluster.name, nodeName, join.id, owner.userId];
    const absent = (text: string) => names.reduce((path, name) => path.replace(name, 'absent'), text);
    for (const [method, path, body] of routes) {
      const real = await world.call(method, path(''), { as: stranger.token, body });
      const none = await world.call(method, absent(path('')), {
        as: stranger.token,
        body: body === undefined ? undefined : JSON.parse(absent(JSON.stringify(body))),
      });
      expect([method, path(''), real.status]).toEqual([method, path(''), 404]);
      const told = (answer: typeof real) => absent(JSON.stringify(answer.json.error ?? answer.json));
      expect(told(real)).toBe(told(none));
    }
    for (const [path, key] of [
      ['/v1/clusters', 'clusters'],
      ['/v1/nodes', 'nodes'],
      ['/v1/tokens', 'tokens'],
      ['/v1/members', 'members'],
      ['/v1/audit', 'records'],
    ] as const) {
      const answer = await world.expectStatus(200, 'GET', path, { as: stranger.token });
      expect(answer.json[key]).toEqual(expect.any(Array));
      for (const name of names) expect(answer.text).not.toContain(name);
    }
    // And nothing happened to any of it.
    await world.expectStatus(200, 'GET', `/v1/clusters/${cluster.id}`, { as: owner.token });
    expect((await world.call('GET', `/v1/nodes?cluster=${cluster.id}`, { as: owner.token })).json.nodes).toHaveLength(1);
  });

  test('and nobody at all get 401, as a Status where kubectl reads it', async () => {
    for (const path of ['/v1/me', '/v1/clusters', '/v1/tokens', '/v1/nodes', '/v1/members', '/v1/audit']) {
      const answer = await world.call('GET', path);
      expect([path, answer.status, answer.json.error?.code]).toEqual([path, 401, 'unauthenticated']);
    }
    for (const as of [undefined, 'nonsense', 'trn_session_x']) {
      const answer = await world.call('GET', '/clusters/c/api/v1/pods', as === undefined ? {} : { as });
      expect(answer).toMatchObject({
        status: 401,
        json: { kind: 'Status', status: 'Failure', reason: 'Unauthorized', code: 401 },
      });
    }
    const missing = await world.call('GET', '/clusters/none/api', { as: owner.token });
    expect(missing).toMatchObject({ status: 404, json: { kind: 'Status', reason: 'NotFound' } });
  });
});

describe('clusters', () => {
  test('are made with their keyspace ready, found by name and id, and deleted when empty', async () => {
    const cluster = await world.cluster(owner.token, 'blue');
    expect(world.bootstrapped).toContain(cluster.id);
    for (const name of ['blue', cluster.id]) {
      expect((await world.expectStatus(200, 'GET', `/clusters/${name}/x`, { as: owner.token })).json).toEqual({
        tenant: owner.tenant,
        id: cluster.id,
        name: 'blue',
      });
    }
    const join = await world.token(owner.token, { kind: 'join', cluster: 'blue' });
    await joinDirectly(world.accounts, join.secret, 'n1');
    const refused = await world.call('DELETE', '/v1/clusters/blue', { as: owner.token });
    expect(refused.json.error).toMatchObject({ code: 'cluster_not_empty', message: expect.stringContaining('1 node') });
    await world.expectStatus(204, 'DELETE', '/v1/nodes/n1?cluster=blue', { as: owner.token });
    await world.expectStatus(204, 'DELETE', '/v1/clusters/blue', { as: owner.token });
    expect(world.forgotten).toContain(cluster.id);
    await world.expectStatus(404, 'GET', '/v1/clusters/blue', { as: owner.token });
    await world.cluster(owner.token, 'blue');
  });

  test('of one name are one, however many ask at once', async () => {
    const create = () => world.call('POST', '/v1/clusters', { as: owner.token, body: { name: 'same' } });
    const answers = await Promise.all([create(), create(), create()]);
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([201, 409, 409]);
  });

  test('are counted against the plan', async () => {
    const { token } = await world.person();
    for (let i = 0; i < 20; i++) await world.cluster(token, `c${i}`);
    const keyspaces = world.bootstrapped.length;
    const answer = await world.call('POST', '/v1/clusters', { as: token, body: { name: 'c20' } });
    expect(answer.json.error).toMatchObject({ code: 'cluster_limit_reached', message: expect.stringContaining('20') });
    expect(world.bootstrapped).toHaveLength(keyspaces);
  });

  test.each(['', 'UPPER', '-x', 'a b', 'x'.repeat(41)])('are not made with the name %j', async (name) => {
    const answer = await world.call('POST', '/v1/clusters', { as: owner.token, body: { name } });
    expect(answer).toMatchObject({ status: 400, json: { error: { code: 'invalid_request', details: [{ field: 'name' }] } } });
  });
});

describe('audit records', () => {
  test('tell who did what, from where, newest first, page by page', async () => {
    const { token, userId, email } = await world.person();
    const headers = { 'x-test-ip': '198.51.100.7' };
    const { json: cluster } = await world.expectStatus(201, 'POST', '/v1/clusters', {
      as: token,
      body: { name: 'seen' },
      headers,
    });
    world.clock.at += 1000;
    const api = await world.token(token, { kind: 'api' });
    world.clock.at += 1000;
    await world.expectStatus(204, 'DELETE', `/v1/tokens/${api.id}`, { as: api.secret });
    const { json } = await world.expectStatus(200, 'GET', '/v1/audit?limit=2', { as: token });
    expect(json.records.map((record: { action: string }) => record.action)).toEqual(['token.revoke', 'token.create.api']);
    expect(json.records[0].actor).toEqual({ kind: 'person', id: userId, name: email, tokenId: api.id });
    const rest = await world.expectStatus(200, 'GET', `/v1/audit?before=${json.next}`, { as: token });
    expect(rest.json.records).toMatchObject([
      {
        action: 'cluster.create',
        target: cluster.id,
        ip: '198.51.100.7',
        requestId: expect.any(String),
        details: { name: 'seen' },
      },
      { action: 'user.signup', target: email },
    ]);
    expect(JSON.stringify([json, rest.json])).not.toContain(api.secret);
  });

  test('are not written for what was refused', async () => {
    const { token } = await world.person();
    await world.cluster(token, 'one');
    await world.call('POST', '/v1/clusters', { as: token, body: { name: 'one' } });
    const { json } = await world.expectStatus(200, 'GET', '/v1/audit', { as: token });
    expect(json.records.map((record: { action: string }) => record.action).sort()).toEqual(['cluster.create', 'user.signup']);
  });
});

test('a name in the path that is too long is simply not found', async () => {
  const long = 'x'.repeat(3000);
  for (const [method, path] of [
    ['GET', `/v1/clusters/${long}`],
    ['DELETE', `/v1/tokens/${long}`],
    ['DELETE', `/v1/nodes/${long}`],
    ['GET', `/clusters/${long}/api`],
  ] as const) {
    expect([path.slice(0, 16), (await world.call(method, path, { as: owner.token })).status]).toEqual([path.slice(0, 16), 404]);
  }
});
