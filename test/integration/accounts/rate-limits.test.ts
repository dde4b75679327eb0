import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { joinDirectly, openWorld, PASSWORD, type World } from './world.ts';

const MINUTE = 60_000;
let world: World;
beforeAll(async () => {
  world = await openWorld({
    rateLimits: {
      signupPerIp: { burst: 3, refillMs: MINUTE },
      loginPerAccountAndIp: { burst: 3, refillMs: MINUTE },
      joinPerTenant: { burst: 2, refillMs: MINUTE },
      mailPerUser: { burst: 2, refillMs: MINUTE },
    },
  });
});
afterAll(() => world.close());

/** Time enough for every bucket to be full again. */
const refill = () => (world.clock.at += 60 * MINUTE);

describe('sign-ups', () => {
  const signUp = (ip: string, i: number) =>
    world.call('POST', '/v1/signup', {
      body: { email: `s${ip.replaceAll(':', '.')}-${i}@example.com`, password: PASSWORD, organisation: 'S' },
      headers: { 'x-test-ip': ip },
    });

  test('are limited by address, say how long to wait, and go on after it', async () => {
    for (let i = 0; i < 3; i++) expect((await signUp('a', i)).status).toBe(201);
    world.clock.at += 15_000;
    const refused = await signUp('a', 3);
    expect(refused).toMatchObject({
      status: 429,
      json: { error: { code: 'rate_limited', message: expect.stringContaining('45 s') } },
    });
    expect(refused.headers.get('retry-after')).toBe('45');
    expect((await signUp('b', 0)).status).toBe(201);
    world.clock.at += 44_999;
    expect((await signUp('a', 4)).status).toBe(429);
    world.clock.at += 1;
    expect((await signUp('a', 5)).status).toBe(201);
    expect((await signUp('a', 6)).status).toBe(429);
  });

  test('count all addresses that one IPv6 subscriber has as one', async () => {
    refill();
    for (let i = 0; i < 3; i++) expect((await signUp(`2001:db8:1:2::${i}`, i)).status).toBe(201);
    expect((await signUp('2001:db8:1:2:ffff::1', 0)).status).toBe(429);
    expect((await signUp('2001:db8:1:3::1', 0)).status).toBe(201);
  });

  test('that come at once get exactly the burst', async () => {
    refill();
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => signUp('burst', i)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(5);
  });

  test('are not locked out when the clock was set back', async () => {
    refill();
    for (let i = 0; i < 3; i++) await signUp('clock', i);
    world.clock.at -= 30 * 86_400_000;
    expect((await signUp('clock', 3)).status).toBe(429);
    world.clock.at += MINUTE;
    expect((await signUp('clock', 4)).status).toBe(201);
    world.clock.at += 30 * 86_400_000;
  });
});

test('log-ins are limited by account and address, the right password included', async () => {
  refill();
  const { email } = await world.person();
  const logIn = (password: string, ip: string) =>
    world.call('POST', '/v1/login', { body: { email, password }, headers: { 'x-test-ip': ip } });
  for (let i = 0; i < 3; i++) expect((await logIn('wrong', 'x')).status).toBe(401);
  const refused = await logIn(PASSWORD, 'x');
  expect(refused).toMatchObject({ status: 429, json: { error: { code: 'rate_limited' } } });
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  expect((await logIn(PASSWORD, 'y')).status).toBe(200);
  world.clock.at += MINUTE;
  expect((await logIn(PASSWORD, 'x')).status).toBe(200);
});

test('joins are limited by organisation, and the wait is told', async () => {
  refill();
  const { token } = await world.person();
  await world.cluster(token);
  const { secret } = await world.token(token, { kind: 'join', uses: 5 });
  for (let i = 0; i < 2; i++) await joinDirectly(world.accounts, secret);
  await expect(joinDirectly(world.accounts, secret)).rejects.toMatchObject({ code: 'rate_limited', retryAfter: 60 });
  world.clock.at += MINUTE;
  await joinDirectly(world.accounts, secret);
});

test('verification mails are limited by account', async () => {
  refill();
  const { token } = await world.person();
  for (let i = 0; i < 2; i++) await world.expectStatus(200, 'POST', '/v1/verify/resend', { as: token });
  const mails = world.mails.length;
  await world.expectStatus(429, 'POST', '/v1/verify/resend', { as: token });
  expect(world.mails).toHaveLength(mails);
});
