import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { LoginProvider } from '../../../core/accounts/login-provider.ts';
import { type Forgery, type Issuer, startIssuer } from '../../support/issuer.ts';
import { openWorld, PASSWORD, type World } from './world.ts';

const CLIENT = { id: 'terrane', secret: 's3cret' };
let world: World;
let issuer: Issuer;
let count = 0;

beforeAll(async () => {
  issuer = await startIssuer(CLIENT);
  const gone = await startIssuer(CLIENT);
  await gone.stop();
  const shared = { clientId: CLIENT.id, clientSecret: CLIENT.secret };
  const providers: LoginProvider[] = [
    { id: 'corp', name: 'Corp', kind: 'oidc', issuer: issuer.url, ...shared },
    { id: 'github', name: 'GitHub', kind: 'github', issuer: issuer.url, ...shared },
    { id: 'down', name: 'Down', kind: 'oidc', issuer: gone.url, ...shared },
  ];
  const many = { burst: 10_000, refillMs: 1 };
  world = await openWorld({ rateLimits: { signupPerIp: many, loginPerIp: many } }, providers);
});
afterAll(async () => {
  await issuer.stop();
  await world.close();
});
beforeEach(() => {
  count++;
  issuer.next.forgery = {};
  issuer.next.userinfo = {};
  issuer.person.claims = { sub: `u${count}`, email: `u${count}@corp.example`, email_verified: true };
});

const ORIGIN = { origin: 'https://terrane.test' };
const cookieOf = (headers: Headers, name: string) =>
  headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0]!)
    .find((cookie) => cookie.startsWith(`${name}=`) && cookie !== `${name}=`);

async function begin(body: object, { provider = 'corp', cookie }: { provider?: string; cookie?: string | undefined } = {}) {
  const headers = { ...ORIGIN, ...(cookie ? { cookie } : {}) };
  const answer = await world.call('POST', `/v1/oidc/${provider}`, { headers, body });
  return { answer, url: answer.json['url'] as string, flow: cookieOf(answer.headers, '__Host-terrane-oidc') };
}

async function comeBack(url: URL, cookies: (string | undefined)[]) {
  const cookie = cookies.filter(Boolean).join('; ');
  const answer = await world.call('GET', url.pathname + url.search, { headers: cookie ? { cookie } : {} });
  expect(answer.status).toBe(302);
  return { to: answer.headers.get('location'), session: cookieOf(answer.headers, '__Host-terrane'), headers: answer.headers };
}

/** The whole way of an honest browser. */
async function logIn(body: object = {}, options: { provider?: string; cookie?: string } = {}) {
  const { url, flow } = await begin(body, options);
  return comeBack(issuer.agree(url), [flow, options.cookie]);
}

const me = async (session: string | undefined) =>
  (await world.call('GET', '/v1/me', { headers: { cookie: session ?? '' } })).json;

describe('who comes by a login provider', () => {
  test('signs up with a verified address, and later logs in to the same account', async () => {
    const { answer, flow, url } = await begin({ organisation: 'Corp', next: '/tokens' });
    expect(answer.headers.getSetCookie()[0]).toMatch(/; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    const asked = Object.fromEntries(new URL(url).searchParams);
    expect(asked).toMatchObject({
      scope: 'openid email',
      code_challenge_method: 'S256',
      redirect_uri: 'https://terrane.test/v1/oidc/corp/callback',
    });
    const first = await comeBack(issuer.agree(url), [flow]);
    expect(first.to).toBe('/tokens');
    const who = await me(first.session);
    expect(who).toMatchObject({
      user: { email: `u${count}@corp.example`, verified: true, password: false, linked: ['corp'] },
      role: 'owner',
      organisation: { name: 'Corp' },
    });
    // The address may change there: it is the subject that counts.
    issuer.person.claims = { ...issuer.person.claims, email: 'other@corp.example' };
    const again = await logIn();
    expect(again.to).toBe('/');
    expect((await me(again.session)).user.id).toBe(who.user.id);
  });

  test('joins the organisation that has sent an invitation, new or not', async () => {
    const owner = await world.person();
    const email = `u${count}@corp.example`;
    const invite = async () => {
      await world.expectStatus(201, 'POST', '/v1/members', { as: owner.token, body: { email, role: 'editor' } });
      return world.mailedSecret(email);
    };
    const { session } = await logIn({ invitation: await invite() });
    expect(await me(session)).toMatchObject({ role: 'editor', organisation: { id: owner.tenant } });
    const second = await world.person();
    await world.expectStatus(201, 'POST', '/v1/members', { as: second.token, body: { email, role: 'viewer' } });
    const joined = await logIn({ invitation: world.mailedSecret(email) });
    expect(await me(joined.session)).toMatchObject({ role: 'viewer', organisation: { id: second.tenant } });
  });

  test('without an account and without the name of an organisation is asked for it', async () => {
    expect(await logIn()).toMatchObject({ to: '/signup?problem=oidc_no_account', session: undefined });
  });

  test.each([[false], ['true'], [undefined]])('with email_verified = %p is not believed', async (verified) => {
    issuer.person.claims = { ...issuer.person.claims, email_verified: verified };
    expect(await logIn({ organisation: 'X' })).toMatchObject({ to: '/login?problem=oidc_email_unverified', session: undefined });
  });

  test('is asked for at the userinfo endpoint where the ID token does not tell, if that speaks of the same person', async () => {
    const { email, email_verified, ...bare } = issuer.person.claims;
    issuer.next.forgery = { claims: { email: undefined, email_verified: undefined } };
    issuer.next.userinfo = { ...bare, email, email_verified };
    expect((await logIn({ organisation: 'X' })).to).toBe('/');
    issuer.next.userinfo = { sub: 'somebody-else', email: 'b@corp.example', email_verified: true };
    issuer.person.claims = { sub: 'yet-another' };
    expect(await logIn({ organisation: 'X' })).toMatchObject({ to: '/login?problem=oidc_refused', session: undefined });
  });
});

describe('an account that exists', () => {
  test('is never taken over by its address: it is linked by who is logged in, and only then opens', async () => {
    const owner = await world.person(`u${count}@corp.example`);
    expect(await logIn({ organisation: 'X' })).toMatchObject({ to: '/login?problem=oidc_account_exists', session: undefined });
    const login = await world.call('POST', '/v1/login', { body: { email: owner.email, password: PASSWORD, cookie: true } });
    const cookie = cookieOf(login.headers, '__Host-terrane')!;
    // Whoever signed up with an address that isn't theirs must not keep a way in.
    expect(await logIn({ link: true }, { cookie })).toMatchObject({ to: '/account?problem=email_not_verified' });
    await world.expectStatus(200, 'POST', '/v1/verify', { body: { token: world.mailedSecret(owner.email) } });
    const linked = await logIn({ link: true, next: '/account' }, { cookie });
    expect(linked).toMatchObject({ to: '/account', session: undefined });
    expect(world.mails.at(-1)).toMatchObject({ to: owner.email, subject: 'A way to log in was added' });
    expect((await me(cookie)).user).toMatchObject({ password: true, linked: ['corp'] });
    expect((await me((await logIn()).session)).user.id).toBe(owner.userId);
    expect((await logIn({ link: true }, { cookie })).to).toBe('/account?problem=login_linked');

    const unlink = () => world.call('DELETE', '/v1/oidc/corp', { as: owner.token });
    expect((await unlink()).status).toBe(204);
    expect((await unlink()).status).toBe(404);
    expect((await logIn()).to).toBe('/login?problem=oidc_account_exists');
    const { json } = await world.call('GET', '/v1/audit?action=user.', { as: owner.token });
    const actions = json['records'].map(({ action }: { action: string }) => action);
    expect(actions).toEqual(expect.arrayContaining(['user.link', 'user.unlink']));
  });

  test('keeps a way in: the last one is not unlinked before there is a password', async () => {
    const { session } = await logIn({ organisation: 'Y' });
    const { user } = await me(session);
    const unlink = () => world.call('DELETE', '/v1/oidc/corp', { headers: { cookie: session!, ...ORIGIN } });
    expect((await unlink()).json['error'].code).toBe('last_login');
    await world.expectStatus(202, 'POST', '/v1/password/forgot', { body: { email: user.email } });
    await world.expectStatus(200, 'POST', '/v1/password/reset', {
      body: { token: world.mailedSecret(user.email), password: PASSWORD },
    });
    await world.expectStatus(200, 'POST', '/v1/login', { body: { email: user.email, password: PASSWORD } });
  });

  test('is linked only by the session that began it, from our own page', async () => {
    const [a, b] = [await world.person(), await world.person()];
    const cookies = await Promise.all(
      [a, b].map(async ({ email }) => {
        await world.expectStatus(200, 'POST', '/v1/verify', { body: { token: world.mailedSecret(email) } });
        const login = await world.call('POST', '/v1/login', { body: { email, password: PASSWORD, cookie: true } });
        return cookieOf(login.headers, '__Host-terrane')!;
      }),
    );
    const { url, flow } = await begin({ link: true }, { cookie: cookies[0] });
    expect((await comeBack(issuer.agree(url), [flow, cookies[1]])).to).toBe('/account?problem=oidc_expired');
    expect((await comeBack(issuer.agree(url), [flow])).to).toBe('/account?problem=unauthenticated');
    expect((await begin({ link: true })).answer.status).toBe(401);
    const cross = { cookie: cookies[0]!, origin: 'https://evil.test' };
    expect((await world.call('POST', '/v1/oidc/corp', { headers: cross, body: { link: true } })).status).toBe(403);
    expect((await world.call('POST', '/v1/oidc/corp', { body: {} })).status).toBe(403);
    const api = await world.token(a.token, { kind: 'api' });
    const byToken = { ...ORIGIN, authorization: `Bearer ${api.secret}` };
    expect((await world.call('POST', '/v1/oidc/corp', { headers: byToken, body: { link: true } })).json['error'].code).toBe(
      'login_required',
    );
  });

  test('is gone with its organisation: nothing of it is left in either table', async () => {
    const { session } = await logIn({ organisation: 'Gone' });
    const { user } = await me(session);
    await world.expectStatus(204, 'DELETE', '/v1/organisation', {
      headers: { cookie: session!, ...ORIGIN },
      body: { confirm: 'Gone' },
    });
    const left: string[] = [];
    for (const TableName of ['tenant', 'identity']) {
      const { Items = [] } = await world.client.send(new ScanCommand({ TableName }));
      left.push(
        ...Items.map((item) => JSON.stringify(item)).filter((text) => text.includes(user.id) || text.includes(user.email)),
      );
    }
    expect(left).toEqual([]);
    expect((await logIn()).to).toBe('/signup?problem=oidc_no_account');
  });
});

describe("an issuer's answer is refused", () => {
  const seconds = () => Math.floor(Date.now() / 1000);
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  test.each<[string, () => Forgery]>([
    ['for another attempt (nonce)', () => ({ claims: { nonce: 'other' } })],
    ['without nonce', () => ({ claims: { nonce: undefined } })],
    ['for another client (audience)', () => ({ claims: { aud: 'somebody-else' } })],
    ['by another issuer', () => ({ claims: { iss: 'https://evil.test' } })],
    ['that has expired', () => ({ claims: { exp: seconds() - 3600, iat: seconds() - 7200 } })],
    ['that nobody signed (alg none)', () => ({ header: { alg: 'none' }, unsigned: true })],
    ['that somebody else signed', () => ({ key: stranger })],
    ['without a subject', () => ({ claims: { sub: undefined } })],
  ])('%s', async (_, forgery) => {
    issuer.next.forgery = forgery();
    expect(await logIn({ organisation: 'X' })).toMatchObject({ to: '/login?problem=oidc_refused', session: undefined });
    expect(world.logged.at(-1)).toMatch(/a log-in by a provider failed.*"because":"\w+/);
  });

  test('when its state is not that of this browser', async () => {
    const { url, flow } = await begin({ organisation: 'X' });
    const back = issuer.agree(url);
    back.searchParams.set('state', 'other');
    expect((await comeBack(back, [flow])).to).toBe('/login?problem=oidc_refused');
  });

  test('in a browser that did not ask, after ten minutes, or for another provider', async () => {
    const { url, flow } = await begin({ organisation: 'X' });
    expect((await comeBack(issuer.agree(url), [])).to).toBe('/login?problem=oidc_expired');
    const elsewhere = issuer.agree(url);
    elsewhere.pathname = '/v1/oidc/github/callback';
    expect((await comeBack(elsewhere, [flow])).to).toBe('/login?problem=oidc_expired');
    world.clock.at += 600_000;
    expect((await comeBack(issuer.agree(url), [flow])).to).toBe('/login?problem=oidc_expired');
  });

  test('the second time: a code is good once', async () => {
    const { url, flow } = await begin({ organisation: 'X' });
    const back = issuer.agree(url);
    expect((await comeBack(back, [flow])).to).toBe('/');
    expect((await comeBack(back, [flow])).to).toBe('/login?problem=oidc_refused');
  });

  test('when the person said no', async () => {
    const { url, flow } = await begin({});
    const back = new URL(new URL(url).searchParams.get('redirect_uri')!);
    back.search = new URLSearchParams({ error: 'access_denied', state: new URL(url).searchParams.get('state')! }).toString();
    expect((await comeBack(back, [flow])).to).toBe('/login?problem=oidc_cancelled');
  });
});

test('an issuer that is down is told as that', async () => {
  // Also those who ask while another one waits for it.
  for (const { answer } of await Promise.all([1, 2, 3].map(() => begin({}, { provider: 'down' }))))
    expect(answer).toMatchObject({ status: 502, json: { error: { code: 'oidc_unreachable' } } });
  expect((await begin({}, { provider: 'nobody' })).answer.status).toBe(404);
});

test('the way back leads to the console only', async () => {
  for (const next of ['https://evil.test', '//evil.test', '/\\evil.test', 'evil']) {
    expect([next, (await begin({ next })).answer.status]).toEqual([next, 400]);
  }
});

test('it begins where it ends: at the address that the provider knows', async () => {
  const headers = { host: '127.0.0.1:7480', origin: 'http://127.0.0.1:7480' };
  const answer = await world.call('POST', '/v1/oidc/corp', { headers, body: {} });
  expect(answer).toMatchObject({ status: 400, json: { error: { fix: expect.stringContaining('https://terrane.test/login') } } });
});

describe('GitHub', () => {
  const log = (emails: unknown[], id = count) => {
    issuer.next.github = { id, emails };
    return logIn({ organisation: 'Hub' }, { provider: 'github' });
  };

  test('tells by its API who it is; only the verified primary address counts', async () => {
    const [spare, primary] = [`spare${count}@example.com`, `primary${count}@example.com`];
    const entry = (email: string, isPrimary: boolean, verified: boolean) => ({ email, primary: isPrimary, verified });
    expect((await log([entry(spare, false, true), entry(primary, true, false)])).to).toBe('/login?problem=oidc_email_unverified');
    expect((await log([entry(spare, false, true)])).to).toBe('/login?problem=oidc_email_unverified');
    const done = await log([entry(spare, false, true), entry(primary, true, true)]);
    expect((await me(done.session)).user).toMatchObject({ email: primary, linked: ['github'] });
  });
});

test('the providers are listed for the login page, without their secrets', async () => {
  const { json, text } = await world.expectStatus(200, 'GET', '/v1/oidc');
  expect(json['providers']).toHaveLength(3);
  expect(text).not.toContain(CLIENT.secret);
});
