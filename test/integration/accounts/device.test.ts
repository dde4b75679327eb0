import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Json, openWorld, PASSWORD, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  const many = { burst: 1000, refillMs: 1 };
  world = await openWorld({ rateLimits: { signupPerIp: many, devicePerIp: many, loginPerIp: many } });
});
afterAll(() => world.close());

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const start = async () =>
  (await world.expectStatus(200, 'POST', '/v1/device/code', { headers: FORM, body: 'client_id=cli' })).json;
const poll = (device_code: string, grant_type = GRANT) =>
  world.call('POST', '/v1/device/token', { headers: FORM, body: new URLSearchParams({ grant_type, device_code }).toString() });
const approve = (as: string, user_code: string, more: Json = {}) =>
  world.call('POST', '/v1/device/approve', { as, body: { user_code, ...more } });
const errorOf = async (code: string) => (await poll(code)).json.error as string;

describe('a device', () => {
  test('is logged in as who approves its code, once', async () => {
    const { token, email } = await world.person();
    const code = await start();
    expect(code).toMatchObject({
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: 'https://terrane.test/device',
      verification_uri_complete: `https://terrane.test/device?user_code=${code.user_code}`,
      expires_in: 900,
      interval: 5,
    });
    const waiting = await poll(code.device_code);
    expect(waiting).toMatchObject({ status: 400, json: { error: 'authorization_pending' } });
    expect(waiting.headers.get('cache-control')).toBe('no-store');
    expect((await approve(token, ` ${code.user_code.toLowerCase().replace('-', '')} `)).status).toBe(204);
    const got = await poll(code.device_code);
    expect(got).toMatchObject({ status: 200, json: { token_type: 'Bearer', expires_in: 30 * 86_400 } });
    const me = await world.expectStatus(200, 'GET', '/v1/me', { as: got.json.access_token });
    expect(me.json.user.email).toBe(email);
    expect(await errorOf(code.device_code)).toBe('invalid_grant');
    expect((await approve(token, code.user_code)).json.error.code).toBe('user_code_invalid');
  });

  test('gets one session, however many ask with its code at once', async () => {
    const { token } = await world.person();
    const code = await start();
    await approve(token, code.user_code);
    const answers = await Promise.all([1, 2, 3, 4].map(() => poll(code.device_code)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('that asks too often is told to slow down, and by how much each time', async () => {
    const { device_code } = await start();
    expect(await errorOf(device_code)).toBe('authorization_pending');
    world.clock.at += 4_999;
    expect(await errorOf(device_code)).toBe('slow_down');
    world.clock.at += 9_999;
    expect(await errorOf(device_code)).toBe('slow_down');
    world.clock.at += 15_000;
    expect(await errorOf(device_code)).toBe('authorization_pending');
  });

  test('is told when its code has expired, was denied, or is none', async () => {
    const { token } = await world.person();
    const denied = await start();
    expect((await approve(token, denied.user_code, { deny: true })).status).toBe(204);
    expect(await errorOf(denied.device_code)).toBe('access_denied');
    const expired = await start();
    world.clock.at += 900_000;
    expect(await errorOf(expired.device_code)).toBe('expired_token');
    expect((await approve(token, expired.user_code)).json.error.code).toBe('user_code_invalid');
    expect(await errorOf('nonsense')).toBe('invalid_grant');
    expect((await poll(expired.device_code, 'password')).json.error).toBe('unsupported_grant_type');
    expect((await world.call('POST', '/v1/device/token', { headers: FORM, body: '' })).json.error).toBe('invalid_request');
  });

  test('is not logged in when who approved it has logged out, changed the password or was removed', async () => {
    const person = await world.person();
    for (const undo of [
      () => world.expectStatus(204, 'POST', '/v1/logout', { as: person.token }),
      async () => {
        const second = (await world.call('POST', '/v1/login', { body: { email: person.email, password: PASSWORD } })).json.token;
        const body = { current: PASSWORD, password: `${PASSWORD} 2` };
        await world.expectStatus(204, 'POST', '/v1/password', { as: second, body });
      },
    ]) {
      const body = { email: person.email, password: PASSWORD };
      person.token = (await world.expectStatus(200, 'POST', '/v1/login', { body })).json.token;
      const code = await start();
      expect((await approve(person.token, code.user_code)).status).toBe(204);
      await undo();
      expect(await errorOf(code.device_code)).toBe('access_denied');
    }
  });
});

describe('approving', () => {
  test('is for people: not for an API token, which would make more of itself, nor for nobody', async () => {
    const { token } = await world.person();
    const api = await world.token(token, { kind: 'api' });
    const code = await start();
    expect((await approve(api.secret, code.user_code)).json.error.code).toBe('login_required');
    expect((await world.call('POST', '/v1/device/approve', { body: { user_code: code.user_code } })).status).toBe(401);
    expect(await errorOf(code.device_code)).toBe('authorization_pending');
  });

  test('is limited, so that codes can not be guessed', async () => {
    const { token } = await world.person();
    for (let i = 0; i < 10; i++) expect((await approve(token, 'BBBB-BBBB')).status).toBe(400);
    expect((await approve(token, 'BBBB-BBBB')).status).toBe(429);
  });

  test('works with the cookie of a browser, from our own page only', async () => {
    const { email } = await world.person();
    const login = await world.expectStatus(200, 'POST', '/v1/login', { body: { email, password: PASSWORD, cookie: true } });
    const [cookie = ''] = login.headers.get('set-cookie')!.split(';');
    const code = await start();
    const post = (headers: Record<string, string>) =>
      world.call('POST', '/v1/device/approve', { headers: { cookie, ...headers }, body: { user_code: code.user_code } });
    expect((await post({ origin: 'https://evil.test' })).status).toBe(403);
    expect((await post({})).status).toBe(403);
    expect((await post({ origin: 'https://terrane.test', 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect(await errorOf(code.device_code)).toBe('authorization_pending');
    expect((await post({ origin: 'https://terrane.test', 'sec-fetch-site': 'same-origin' })).status).toBe(204);
    world.clock.at += 30_000;
    expect((await poll(code.device_code)).status).toBe(200);
  });
});
