import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openWorld, PASSWORD, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({
    rateLimits: { signupPerIp: { burst: 1000, refillMs: 1 }, loginPerIp: { burst: 1000, refillMs: 1 } },
  });
});
afterAll(() => world.close());

const NEW = 'staple battery horse';
const logIn = async (email: string, password = PASSWORD, organisation?: string) =>
  (await world.expectStatus(200, 'POST', '/v1/login', { body: { email, password, organisation } })).json.token as string;
const statusOf = async (token: string) => (await world.call('GET', '/v1/me', { as: token })).status;

describe('changing the password', () => {
  test('ends all other sessions, in every organisation, and keeps the one that asks', async () => {
    const [person, other] = [await world.person(), await world.person()];
    await world.expectStatus(201, 'POST', '/v1/members', { as: other.token, body: { email: person.email, role: 'viewer' } });
    const invitation = { token: world.mailedSecret(person.email) };
    await world.expectStatus(200, 'POST', '/v1/members/accept', { as: person.token, body: invitation });
    const elsewhere = await logIn(person.email, PASSWORD, other.tenant);
    const second = await logIn(person.email);
    await world.expectStatus(204, 'POST', '/v1/password', { as: second, body: { current: PASSWORD, password: NEW } });
    expect(await Promise.all([person.token, elsewhere, second, other.token].map(statusOf))).toEqual([401, 401, 200, 200]);
    await world.expectStatus(401, 'POST', '/v1/login', { body: { email: person.email, password: PASSWORD } });
    await logIn(person.email, NEW);
    expect(world.mails.at(-1)).toMatchObject({ to: person.email, subject: 'Your password was changed' });
  });

  test('needs the present password, a good new one, and a session', async () => {
    const { token, email } = await world.person();
    const change = (as: string, body: object) => world.call('POST', '/v1/password', { as, body });
    expect(await change(token, { current: 'wrong one', password: NEW })).toMatchObject({
      status: 401,
      json: { error: { code: 'bad_credentials' } },
    });
    expect(await change(token, { current: PASSWORD, password: 'short' })).toMatchObject({
      status: 400,
      json: { error: { details: [{ field: 'password' }] } },
    });
    const api = await world.token(token, { kind: 'api' });
    expect(await change(api.secret, { current: PASSWORD, password: NEW })).toMatchObject({
      status: 403,
      json: { error: { code: 'login_required' } },
    });
    await logIn(email);
  });

  test('leaves nobody logged in who logged in with the old one at the same time', async () => {
    const { email, token } = await world.person();
    const [, ...logins] = await Promise.all([
      world.expectStatus(204, 'POST', '/v1/password', { as: token, body: { current: PASSWORD, password: NEW } }),
      ...Array.from({ length: 6 }, () => world.call('POST', '/v1/login', { body: { email, password: PASSWORD } })),
    ]);
    for (const { json } of logins) if (json.token) expect(await statusOf(json.token)).toBe(401);
  });
});

describe('a forgotten password', () => {
  const forget = (email: string) => world.expectStatus(202, 'POST', '/v1/password/forgot', { body: { email } });

  test('is set anew with the mailed token, once; sessions end, and the address is verified', async () => {
    const { email, token } = await world.person();
    await forget(email);
    const first = world.mailedSecret(email);
    await forget(email.toUpperCase());
    const reset = { token: world.mailedSecret(email), password: NEW };
    expect((await world.expectStatus(200, 'POST', '/v1/password/reset', { body: reset })).json).toEqual({ email });
    expect(await statusOf(token)).toBe(401);
    const me = await world.expectStatus(200, 'GET', '/v1/me', { as: await logIn(email, NEW) });
    expect(me.json.user.verified).toBe(true);
    for (const used of [reset.token, first]) {
      const again = await world.call('POST', '/v1/password/reset', { body: { token: used, password: 'yet another one' } });
      expect(again).toMatchObject({ status: 400, json: { error: { code: 'reset_invalid' } } });
    }
  });

  test('has the same answer for an address that nobody has, and no mail', async () => {
    const { email } = await world.person();
    const mails = world.mails.length;
    const unknown = await forget('nobody-at-all@example.com');
    expect(world.mails).toHaveLength(mails);
    const known = await forget(email);
    expect({ ...known.json, email: '' }).toEqual({ ...unknown.json, email: '' });
  });

  test('can be set for an hour; a weak one does not use the token up', async () => {
    const { email } = await world.person();
    await forget(email);
    const token = world.mailedSecret(email);
    expect((await world.call('POST', '/v1/password/reset', { body: { token, password: 'weak' } })).status).toBe(400);
    world.clock.at += 3_600_000 - 1;
    await world.expectStatus(200, 'POST', '/v1/password/reset', { body: { token, password: NEW } });
    await forget(email);
    const late = world.mailedSecret(email);
    world.clock.at += 3_600_000;
    expect((await world.call('POST', '/v1/password/reset', { body: { token: late, password: NEW } })).json.error.code).toBe(
      'reset_invalid',
    );
  });

  test('is mailed only so often', async () => {
    const { email } = await world.person();
    for (let i = 0; i < 3; i++) await forget(email);
    expect((await world.call('POST', '/v1/password/forgot', { body: { email } })).status).toBe(429);
  });
});

describe('sessions', () => {
  test('are listed with where they are from, and ended one by one', async () => {
    const { email, token } = await world.person();
    world.clock.at += 1000;
    const second = await logIn(email);
    const { json } = await world.expectStatus(200, 'GET', '/v1/sessions', { as: second });
    expect(json.sessions).toMatchObject([
      { current: true, ip: '192.0.2.1', organisation: expect.stringContaining('Org of') },
      { current: false },
    ]);
    expect(JSON.stringify(json)).not.toMatch(/trn_|hash/);
    await world.expectStatus(204, 'DELETE', `/v1/sessions/${json.sessions[1].id}`, { as: second });
    expect([await statusOf(token), await statusOf(second)]).toEqual([401, 200]);
  });

  test("of others are not there, and an API token doesn't see any", async () => {
    const [one, two] = [await world.person(), await world.person()];
    const { json } = await world.expectStatus(200, 'GET', '/v1/sessions', { as: one.token });
    await world.expectStatus(404, 'DELETE', `/v1/sessions/${json.sessions[0].id}`, { as: two.token });
    expect(await statusOf(one.token)).toBe(200);
    const api = await world.token(one.token, { kind: 'api' });
    await world.expectStatus(403, 'GET', '/v1/sessions', { as: api.secret });
  });
});
