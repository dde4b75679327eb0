import { GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../core/ports/logger.ts';
import { openAccounts } from '../../../store/accounts/accounts.ts';
import { EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { openWorld, PASSWORD, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe('signing up', () => {
  test('gives user, organisation, owner and a session, and sends a verification mail', async () => {
    const body = { email: ' Ada@Example.com ', password: PASSWORD, organisation: 'Analytical Engines' };
    const answer = await world.call('POST', '/v1/signup', { body });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      token: expect.stringMatching(/^trn_session_/),
      user: { email: 'ada@example.com', verified: false },
      organisation: { name: 'Analytical Engines', plan: 'free', nodes: { used: 0, limit: 10 } },
      role: 'owner',
    });
    const me = await world.expectStatus(200, 'GET', '/v1/me', { as: answer.json.token });
    expect(me.json).toMatchObject({
      user: { email: 'ada@example.com' },
      role: 'owner',
      organisations: [{ name: 'Analytical Engines' }],
    });
    expect(world.mails.at(-1)).toMatchObject({ to: 'ada@example.com', subject: 'Verify your e-mail address' });
  });

  test('succeeds although the mail can not be sent: another can be asked for', async () => {
    world.failMail();
    const { email, token } = await world.person();
    expect(world.mailedSecret(email)).toBe('');
    await world.expectStatus(200, 'POST', '/v1/verify/resend', { as: token });
    await world.expectStatus(200, 'POST', '/v1/verify', { body: { token: world.mailedSecret(email) } });
  });

  test('with an address that has an account changes nothing and says so', async () => {
    const { email } = await world.person();
    const mails = world.mails.length;
    const answer = await world.call('POST', '/v1/signup', {
      body: { email: email.toUpperCase(), password: PASSWORD, organisation: 'Second' },
    });
    expect(answer).toMatchObject({
      status: 409,
      json: { error: { code: 'email_taken', fix: expect.stringContaining('Log in') } },
    });
    expect(world.mails).toHaveLength(mails);
  });

  test('of two at once with one address exactly one succeeds', async () => {
    const body = { email: 'twice@example.com', password: PASSWORD, organisation: 'Twice' };
    const answers = await Promise.all([1, 2, 3].map(() => world.call('POST', '/v1/signup', { body })));
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([201, 409, 409]);
  });

  test.each([
    ['no body', '', 'invalid_request', /email/],
    ['not JSON', '{', 'invalid_json', /JSON/],
    ['bad e-mail', { email: 'nobody', password: PASSWORD, organisation: 'X' }, 'invalid_request', /email must be an e-mail/],
    [
      'short password',
      { email: 'a@b.co', password: 'short', organisation: 'X' },
      'invalid_request',
      /password must have at least 8/,
    ],
    ['bad name', { email: 'a@b.co', password: PASSWORD, organisation: '<b>' }, 'invalid_request', /organisation must start/],
    ['unknown field', { email: 'a@b.co', password: PASSWORD, organisation: 'X', admin: true }, 'invalid_request', /admin/],
    ['wrong type', { email: 7, password: PASSWORD, organisation: 'X' }, 'invalid_request', /email/],
    ['too large', { email: 'a@b.co', password: 'x'.repeat(20_000), organisation: 'X' }, 'body_too_large', /16384/],
  ])('with %s is refused with a clear message', async (_what, body, code, message) => {
    const answer = await world.call('POST', '/v1/signup', { body });
    expect(answer.json.error).toMatchObject({ code, message: expect.stringMatching(message), fix: expect.any(String) });
    expect(answer.json.requestId).toEqual(expect.any(String));
  });
});

describe('logging in', () => {
  test('works with the e-mail in any case, and logging out ends the session at once', async () => {
    const { email } = await world.person();
    const { json } = await world.expectStatus(200, 'POST', '/v1/login', {
      body: { email: email.toUpperCase(), password: PASSWORD },
    });
    await world.expectStatus(200, 'GET', '/v1/me', { as: json.token });
    await world.expectStatus(204, 'POST', '/v1/logout', { as: json.token });
    const after = await world.call('GET', '/v1/me', { as: json.token });
    expect(after).toMatchObject({ status: 401, json: { error: { code: 'session_expired' } } });
  });

  test('answers an unknown e-mail and a wrong password alike', async () => {
    const { email } = await world.person();
    const wrong = await world.call('POST', '/v1/login', { body: { email, password: 'wrong password' } });
    const unknown = await world.call('POST', '/v1/login', { body: { email: 'nobody@example.com', password: 'wrong password' } });
    expect(wrong.json.error.code).toBe('bad_credentials');
    expect([unknown.status, unknown.json.error]).toEqual([wrong.status, wrong.json.error]);
  });

  test('expires', async () => {
    const { token } = await world.person();
    world.clock.at += 30 * 86_400_000 - 1;
    await world.expectStatus(200, 'GET', '/v1/me', { as: token });
    world.clock.at += 1;
    expect((await world.call('GET', '/v1/me', { as: token })).json.error.code).toBe('session_expired');
  });

  test('hashes the password again when the costs were raised', async () => {
    const { email, tenant, userId } = await world.person();
    const stored = async () => {
      const Key = { pk: { S: `${tenant}#users` }, sk: { S: userId } };
      return (await world.client.send(new GetItemCommand({ TableName: 'tenant', Key }))).Item?.password?.S ?? '';
    };
    const before = await stored();
    const stronger = sameStoreWith({
      argon2id: { memoryKib: 128, passes: 1, parallelism: 1 },
      scrypt: { logN: 9, r: 8, p: 1 },
    });
    await stronger.logIn({ email, password: PASSWORD }, {});
    const after = await stored();
    expect(after).not.toBe(before);
    expect(after).toMatch(/ln=9|m=128/);
    await stronger.logIn({ email, password: PASSWORD }, {});
    expect(await stored()).toBe(after);
  });

  function sameStoreWith(passwordCosts: NonNullable<Parameters<typeof openWorld>[0]>['passwordCosts']) {
    return openAccounts({
      client: world.client,
      tables: EMBEDDED_TABLES,
      clock: world.clock,
      mailer: { send: async () => {} },
      log: silentLogger,
      publicUrl: () => '',
      passwordCosts: passwordCosts!,
    });
  }
});

describe('a browser', () => {
  const cookieOf = (headers: Headers) => headers.get('set-cookie')!.split(';')[0]!;

  test('gets the session as a cookie that scripts, siblings and plain HTTP do not get, and not in the body', async () => {
    const { email } = await world.person();
    const answer = await world.call('POST', '/v1/login', { body: { email, password: PASSWORD, cookie: true } });
    expect(answer.status).toBe(200);
    expect(answer.json.token).toBeUndefined();
    const cookie = answer.headers.get('set-cookie');
    for (const part of ['__Host-terrane=', 'Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']) expect(cookie).toContain(part);
    expect(cookie).not.toContain('Domain');
    await world.expectStatus(200, 'GET', '/v1/me', { headers: { cookie: cookieOf(answer.headers) } });
  });

  test.each([
    ['another site', { origin: 'https://evil.example' }, 403],
    ['an opaque origin', { origin: 'null' }, 403],
    ['no origin', {}, 403],
    ['our own page', { origin: 'https://terrane.test' }, 201],
  ])('that changes something from %s is answered %s', async (_from, headers, status) => {
    const { email } = await world.person();
    const answer = await world.call('POST', '/v1/login', {
      body: { email, password: PASSWORD },
      headers: { accept: 'text/html' },
    });
    const cookie = cookieOf(answer.headers);
    const change = await world.call('POST', '/v1/clusters', {
      body: { name: 'x' },
      headers: { cookie, ...headers } as Record<string, string>,
    });
    expect(change.status).toBe(status);
    if (status === 403) expect(change.json.error.code).toBe('cross_site');
  });

  test('is not logged in by a form of another site', async () => {
    const { email } = await world.person();
    const headers = { origin: 'https://evil.example' };
    const answer = await world.call('POST', '/v1/login', { body: { email, password: PASSWORD, cookie: true }, headers });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('set-cookie')).toBeNull();
  });
});

describe('verifying the e-mail', () => {
  test('is done by a page of the console, whose link has the secret where no server logs it; once', async () => {
    const { email, token } = await world.person();
    const secret = world.mailedSecret(email);
    expect(world.mails.at(-1)?.text).toContain(`https://terrane.test/verify#${secret}\n`);
    expect((await world.call('GET', '/v1/me', { as: token })).json.user.verified).toBe(false);

    expect((await world.expectStatus(200, 'POST', '/v1/verify', { body: { token: secret } })).json.email).toBe(email);
    expect((await world.call('GET', '/v1/me', { as: token })).json.user.verified).toBe(true);

    const again = await world.call('POST', '/v1/verify', { body: { token: secret } });
    expect(again).toMatchObject({ status: 400, json: { error: { code: 'verification_invalid' } } });
  });

  test('fails after 24 hours; another link can be asked for', async () => {
    const { email, token } = await world.person();
    const secret = world.mailedSecret(email);
    world.clock.at += 86_400_000;
    expect((await world.call('POST', '/v1/verify', { body: { token: secret } })).json.error.code).toBe('verification_invalid');
    expect((await world.expectStatus(200, 'POST', '/v1/verify/resend', { as: token })).json).toEqual({ sent: true });
    await world.expectStatus(200, 'POST', '/v1/verify', { body: { token: world.mailedSecret(email) } });
    expect((await world.expectStatus(200, 'POST', '/v1/verify/resend', { as: token })).json).toEqual({ sent: false });
  });
});

test('where a verified e-mail is required, clusters and tokens wait for it, and say so', async () => {
  const strict = await openWorld({ requireVerifiedEmail: true });
  try {
    const { email, token } = await strict.person();
    for (const [path, body] of [
      ['/v1/clusters', { name: 'x' }],
      ['/v1/tokens', { kind: 'api' }],
    ] as const) {
      const answer = await strict.call('POST', path, { as: token, body });
      expect(answer).toMatchObject({
        status: 403,
        json: { error: { code: 'email_not_verified', fix: expect.stringContaining('mail') } },
      });
    }
    await strict.expectStatus(200, 'POST', '/v1/verify', { body: { token: strict.mailedSecret(email) } });
    await strict.cluster(token, 'x');
    await strict.token(token, { kind: 'api' });
  } finally {
    await strict.close();
  }
});

test('everyone may read the server information', async () => {
  const { json } = await world.expectStatus(200, 'GET', '/v1/info');
  expect(json).toEqual({ version: '0.0.0', url: 'https://terrane.test', ca: 'PEM', manifestKey: 'f00' });
});

test('nothing secret is ever logged', async () => {
  const { email, token } = await world.person();
  await world.call('POST', '/v1/login', { body: { email, password: 'not the password' } });
  await world.call('GET', '/v1/me', { as: `${token}x` });
  const text = world.logged.join('\n');
  for (const secret of [PASSWORD, 'not the password', token, world.mailedSecret(email)]) expect(text).not.toContain(secret);
});

test('nothing secret is kept in clear', async () => {
  const { email, token } = await world.person();
  await world.cluster(token);
  const join = await world.token(token, { kind: 'join' });
  const api = await world.token(token, { kind: 'api' });
  const scans = ['tenant', 'identity'].map((TableName) => world.client.send(new ScanCommand({ TableName })));
  const kept = JSON.stringify((await Promise.all(scans)).map(({ Items }) => Items));
  expect(kept).toContain(email);
  for (const secret of [PASSWORD, token, join.secret, api.secret, world.mailedSecret(email)]) expect(kept).not.toContain(secret);
});
