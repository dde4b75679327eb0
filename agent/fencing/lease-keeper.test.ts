import { expect, test } from '@jest/globals';
import type { Assignment } from '../../core/node/assignment.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { type HostLease, NO_LEASE } from './host-lease.ts';
import { type LeaseKeeper, leaseKeeper } from './lease-keeper.ts';

const EPOCH = 1_700_000_000_000;
const STOP_SECONDS = 40;
const SETTINGS = { fencedStopSeconds: STOP_SECONDS, fencedGraceSeconds: 10 };
const TIMES = { stopSeconds: STOP_SECONDS, graceSeconds: 10 };

/** Of a machine that has been up for `uptime.ms`, and whose clock goes with that, unless it is set. */
function keeper(saved: HostLease, uptime: { ms: number; set?: number }, settings = SETTINGS): LeaseKeeper {
  const one = leaseKeeper({
    file: { read: () => saved, write() {} },
    bootId: 'boot',
    assignment: () => ({ revision: 1, settings }) as Assignment,
    now: () => EPOCH + uptime.ms + (uptime.set ?? 0),
    uptime: () => uptime.ms,
    log: silentLogger,
    onChange() {},
  });
  one.close();
  return one;
}

const LEASE = { until: 100_000, since: 0, confirmed: true };

test('a lease that ended while no agent was there has lapsed when it ended, not when one came', () => {
  expect(keeper(LEASE, { ms: 99_000 }).lapsedAt()).toBeUndefined();
  expect(keeper(LEASE, { ms: 109_000 }).lapsedAt()).toBe(EPOCH + 100_000);
});

test('a lease that ended while the machine slept has lapsed when it ended, also if an answer comes first', () => {
  const uptime = { ms: 99_000 };
  const [looked, answered] = [keeper(LEASE, uptime), keeper(LEASE, uptime)];
  uptime.ms = 500_000;
  expect(looked.lapsedAt()).toBe(EPOCH + 100_000);
  answered.renew(499_000, TIMES);
  expect(answered.lapsedAt()).toBe(EPOCH + 100_000);
  answered.confirm(499_500);
  expect(answered.lapsedAt()).toBe(EPOCH + 100_000);
  answered.confirm(500_000);
  expect(answered.lapsedAt()).toBeUndefined();
});

test('where there was no lease fenced work may not run from the start on, and where it holds for another assignment neither', () => {
  expect(keeper(NO_LEASE, { ms: 7_000 }).lapsedAt()).toBe(EPOCH + 7_000);
  expect(keeper({ ...LEASE, confirmed: false }, { ms: 7_000 }).lapsedAt()).toBe(EPOCH + 7_000);
});

test('a clock that is set after the lease has ended gives what is fenced no other time for stopping', () => {
  const machine: { ms: number; set?: number } = { ms: 99_000 };
  const one = keeper(LEASE, machine);
  machine.ms = 103_000;
  expect(one.lapsedAt()).toBe(EPOCH + 100_000);
  machine.set = -3_600_000;
  machine.ms = 105_000;
  const now = EPOCH + 105_000 - 3_600_000;
  expect(one.lapsedAt()).toBe(now - 5_000);
  expect(one.until()).toBe(100_000);
});

test('a lease is another one after it has lapsed, and the same while it is renewed', () => {
  const uptime = { ms: 99_000 };
  const one = keeper(LEASE, uptime);
  one.renew(99_000, TIMES);
  expect([one.number(), one.until()]).toEqual([0, 139_000]);
  uptime.ms = 200_000;
  one.renew(199_000, TIMES);
  one.confirm(200_000);
  expect([one.number(), one.until()]).toEqual([200_000, 239_000]);
});

test('what fenced work has for stopping is what the report said that was answered, or less: a longer time that was not reported is none', () => {
  const uptime = { ms: 1_000 };
  const settings = { fencedStopSeconds: STOP_SECONDS, fencedGraceSeconds: 10 };
  const one = keeper(NO_LEASE, uptime, settings);
  one.renew(1_000, TIMES);
  settings.fencedGraceSeconds = 100;
  expect(one.graceSeconds()).toBe(10);
  settings.fencedGraceSeconds = 5;
  expect(one.graceSeconds()).toBe(5);
  expect(keeper({ ...LEASE, graceSeconds: 3 }, uptime).graceSeconds()).toBe(3);
  expect(keeper(LEASE, uptime).graceSeconds()).toBe(10);
});

test('fenced work ends by the lease that was answered, whatever the settings have become since', () => {
  const uptime = { ms: 1_000 };
  const settings = { fencedStopSeconds: 400, fencedGraceSeconds: 100 };
  const one = keeper(NO_LEASE, uptime, settings);
  expect(one.endSeconds()).toBe(0);
  one.renew(1_000, { stopSeconds: 400, graceSeconds: 100 });
  Object.assign(settings, { fencedStopSeconds: STOP_SECONDS, fencedGraceSeconds: 10 });
  uptime.ms = 11_000;
  expect(one.endSeconds()).toBe(590);
  one.renew(11_000, TIMES);
  expect(one.endSeconds()).toBe(60);
});

test('a lease that goes on anew has another number, and is held as before', () => {
  const uptime = { ms: 99_000 };
  const one = keeper(LEASE, uptime);
  one.anew();
  expect([one.number(), one.until(), one.holds()]).toEqual([99_000, 100_000, true]);
});
