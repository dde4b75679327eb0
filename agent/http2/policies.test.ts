import { expect, test } from '@jest/globals';
import { Allowance } from './allowance.ts';
import { PingPolicy } from './ping-policy.ts';

test('an allowance is used up by a burst, and comes back with time', () => {
  const allowance = new Allowance({ burst: 2, perSecond: 1 });
  expect([allowance.take(0), allowance.take(0), allowance.take(0)]).toEqual([true, true, false]);
  expect([allowance.take(1000), allowance.take(1000)]).toEqual([true, false]);
  expect([allowance.take(60_000), allowance.take(60_000), allowance.take(60_000)]).toEqual([true, true, false]);
});

test('pings as far apart as asked are fine for ever', () => {
  const policy = new PingPolicy(5000);
  for (let n = 0; n < 100; n++) expect(policy.ping(n * 5000, 1)).toBe(true);
});

test('pings too close together are tolerated twice', () => {
  const policy = new PingPolicy(5000);
  expect([0, 100, 200, 300].map((at) => policy.ping(at, 1))).toEqual([true, true, true, false]);
});

test('without a call, there is no reason to ping', () => {
  const policy = new PingPolicy(5000);
  expect([0, 10_000, 20_000, 30_000].map((at) => policy.ping(at, 0))).toEqual([true, true, true, false]);
});

test('what was sent in between makes pings to measure it fine', () => {
  const policy = new PingPolicy(5000);
  for (let n = 0; n < 100; n++) {
    policy.sent();
    expect(policy.ping(n, 1)).toBe(true);
  }
});
