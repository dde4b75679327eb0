import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Answer, answerCheck, type Hold } from './grant.ts';
import { arrived, fold, granted, type Happening, type InstanceRecord, newInstance } from './instance.ts';
import { aimAt, grantOf, resume } from './ledger.ts';
import { type Channel, emptyLedger, type Ledger, type Policy } from './model.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const easy: Policy = {
  enabled: true,
  paused: false,
  safeMode: false,
  updatesMax: 2,
  period: HOUR,
  timeout: HOUR,
  windows: [],
  rollout: { type: 'all' },
};
const pkg = (version: string) => ({ name: `flatcar-${version}`, version });
const channel: Channel = { target: pkg('2.0.0'), aims: ['2.0.0'], floors: [] };

/** A group with hosts that ask and tell, as the endpoint would have it. */
class Group {
  policy: Policy;
  channel: Channel = channel;
  ledger: Ledger = emptyLedger;
  now = 0;
  unhealthy: string | undefined;
  readonly records = new Map<string, InstanceRecord>();
  readonly versions = new Map<string, string>();

  constructor(policy: Partial<Policy> = {}) {
    this.policy = { ...easy, ...policy };
  }

  record(instance: string): InstanceRecord {
    return this.records.get(instance) ?? newInstance;
  }

  /** The version given, or why none. */
  ask(instance: string, version = this.versions.get(instance) ?? '1.0.0'): string {
    if (arrived(this.record(instance), version)) this.tell(instance, { type: 'complete' });
    const answer: Answer = answerCheck(
      {
        policy: this.policy,
        channel: this.channel,
        ledger: this.ledger,
        candidate: { instance, version, labels: {} },
        unhealthy: this.unhealthy,
      },
      this.now,
    );
    this.ledger = answer.ledger;
    if (answer.type === 'hold') return answer.reason;
    this.records.set(instance, granted(this.record(instance), answer.package, this.now));
    return answer.package.version;
  }

  tell(instance: string, happening: Happening): void {
    const outcome = fold(instance, happening, { record: this.record(instance), ledger: this.ledger }, this.policy, this.now);
    if (happening.type === 'complete' && this.record(instance).package)
      this.versions.set(instance, this.record(instance).package!.version);
    this.ledger = outcome.ledger;
    this.records.set(instance, outcome.record);
  }
}

const is = (reason: Hold) => reason;

describe('an instance that asks', () => {
  test('is given the target of its channel', () => expect(new Group().ask('a')).toBe('2.0.0'));

  test('is given nothing by a channel without a package', () => {
    const group = new Group();
    group.channel = { target: undefined, aims: [], floors: [] };
    expect(group.ask('a')).toBe(is('NoPackage'));
  });

  test('is given nothing when it has that version or a newer one, whatever its build metadata', () => {
    const group = new Group();
    for (const version of ['2.0.0', '2.0.0+2016-05-27-1832', '2.0.1']) expect(group.ask('a', version)).toBe(is('UpToDate'));
  });

  test.each([
    [{ enabled: false }, is('UpdatesDisabled')],
    [{ paused: true }, is('Paused')],
    [{ windows: [{ days: [], start: 60, length: 60, timeZone: 'UTC' }] }, is('OutsideWindow')],
    [{ rollout: { type: 'percentage', percent: 0 } as const }, is('NotItsTurn')],
  ])('under the policy %j is held: %s', (policy, reason) => expect(new Group(policy).ask('a')).toBe(reason));

  test('is held while the cluster itself is not well, and given its update afterwards', () => {
    const group = new Group();
    group.unhealthy = 'Deployment web: 1 of 3 ready';
    expect(group.ask('a')).toBe(is('ClusterUnhealthy'));
    group.unhealthy = undefined;
    expect(group.ask('a')).toBe('2.0.0');
  });

  test('is given the same again while it has only been granted', () => {
    const group = new Group({ updatesMax: 1 });
    expect([group.ask('a'), group.ask('a'), group.ask('a')]).toEqual(['2.0.0', '2.0.0', '2.0.0']);
    expect(group.ledger.underWay).toHaveLength(1);
    expect(group.ledger.grantedAt).toHaveLength(1);
  });

  test('is held while it downloads', () => {
    const group = new Group();
    group.ask('a');
    group.tell('a', { type: 'progress', progress: 'downloading' });
    expect(group.ask('a')).toBe(is('UpdateUnderWay'));
  });

  test('is given what the channel names now, if that changed since its grant, on the same slot', () => {
    const group = new Group({ updatesMax: 1 });
    group.ask('a');
    group.channel = { target: pkg('3.0.0'), aims: ['3.0.0'], floors: [] };
    expect(group.ask('a')).toBe('3.0.0');
    expect(group.ledger.underWay).toHaveLength(1);
  });

  test('is led over a floor in two steps', () => {
    const group = new Group();
    group.channel = { target: pkg('3.0.0'), aims: ['3.0.0'], floors: [pkg('2.0.0')] };
    expect(group.ask('a')).toBe('2.0.0');
    group.tell('a', { type: 'complete' });
    expect(group.ask('a')).toBe('3.0.0');
    group.tell('a', { type: 'complete' });
    expect(group.ask('a')).toBe(is('UpToDate'));
  });
});

describe('the limits of a group', () => {
  test('hold for grants within any period', () => {
    const group = new Group();
    expect([group.ask('a'), group.ask('b')]).toEqual(['2.0.0', '2.0.0']);
    for (const host of ['a', 'b']) group.tell(host, { type: 'complete' });
    expect(group.ask('c')).toBe(is('PeriodLimit'));
    group.now = HOUR;
    expect(group.ask('c')).toBe('2.0.0');
  });

  test('rise at once when the policy is changed', () => {
    const group = new Group({ updatesMax: 1 });
    expect([group.ask('a'), group.ask('b')]).toEqual(['2.0.0', is('PeriodLimit')]);
    group.policy = { ...group.policy, updatesMax: 2 };
    expect(group.ask('b')).toBe('2.0.0');
  });

  test('hold for updates under way when the period is over; the end of one frees its slot', () => {
    const group = new Group({ timeout: 10 * HOUR });
    group.ask('a');
    group.ask('b');
    group.now = 2 * HOUR;
    expect(group.ask('c')).toBe(is('ConcurrencyLimit'));
    group.tell('b', { type: 'complete' });
    expect(group.ask('c')).toBe('2.0.0');
  });

  test('are given back by what timed out, without safe mode', () => {
    const group = new Group({ period: MINUTE });
    group.ask('a');
    group.ask('b');
    group.now = HOUR + 1;
    expect(group.ask('c')).toBe('2.0.0');
    expect(group.ledger.failed).toBe(2);
  });
});

describe('safe mode', () => {
  test('lets one instance go first, and all that the limit allows after it', () => {
    const group = new Group({ safeMode: true, updatesMax: 3 });
    expect([group.ask('a'), group.ask('b')]).toEqual(['2.0.0', is('FirstUpdateUnderWay')]);
    group.tell('a', { type: 'progress', progress: 'installed' });
    expect(group.ask('b')).toBe(is('FirstUpdateUnderWay'));
    group.tell('a', { type: 'complete' });
    expect([group.ask('b'), group.ask('c'), group.ask('d')]).toEqual(['2.0.0', '2.0.0', is('PeriodLimit')]);
  });

  test('halts the group when the first update fails, until a person resumes it', () => {
    const group = new Group({ safeMode: true });
    group.ask('a');
    group.tell('a', { type: 'error', code: 9 });
    expect(group.ledger.halted).toEqual({ reason: 'FirstUpdateFailed', at: 0 });
    group.channel = { target: pkg('2.0.1'), aims: ['2.0.1'], floors: [] };
    expect(group.ask('b')).toBe(is('Halted'));
    group.ledger = resume(group.ledger);
    expect(group.ask('b')).toBe('2.0.1');
  });

  test('halts the group when an update times out', () => {
    const group = new Group({ safeMode: true });
    group.ask('a');
    group.now = HOUR + 1;
    expect(group.ask('b')).toBe(is('Halted'));
    expect(group.ledger.halted?.reason).toBe('UpdateTimedOut');
  });

  test('starts over for each version of the channel', () => {
    const group = new Group({ safeMode: true, updatesMax: 5 });
    group.ask('a');
    group.tell('a', { type: 'complete' });
    group.channel = { target: pkg('3.0.0'), aims: ['3.0.0'], floors: [] };
    expect([group.ask('b'), group.ask('c')]).toEqual(['3.0.0', is('FirstUpdateUnderWay')]);
  });

  test('a floor on the way does not prove the target', () => {
    const group = new Group({ safeMode: true, updatesMax: 5 });
    group.channel = { target: pkg('3.0.0'), aims: ['3.0.0'], floors: [pkg('2.0.0')] };
    group.ask('a');
    group.tell('a', { type: 'complete' });
    expect([group.ask('a'), group.ask('b')]).toEqual(['3.0.0', is('FirstUpdateUnderWay')]);
  });
});

describe('failures', () => {
  test('halt the group beyond the rate that the policy allows, counted when enough have finished', () => {
    const group = new Group({ updatesMax: 100, halt: { failedPercent: 20, afterFinished: 5 } });
    for (const host of ['a', 'b', 'c', 'd', 'e', 'f']) group.ask(host);
    group.tell('a', { type: 'error', code: 9 });
    for (const host of ['b', 'c', 'd', 'e']) group.tell(host, { type: 'complete' });
    expect(group.ledger.halted).toBeUndefined();
    group.tell('f', { type: 'error', code: 9 });
    expect(group.ledger.halted?.reason).toBe('TooManyFailures');
  });

  test('of an update that was not given are passed over', () => {
    const group = new Group({ safeMode: true });
    group.tell('a', { type: 'error', code: 9 });
    expect(group.record('a')).toEqual(newInstance);
    expect(group.ledger).toBe(emptyLedger);
  });
});

test('a host that runs what it was given is done, although its word on it was lost', () => {
  const group = new Group({ updatesMax: 1, period: 1 });
  group.ask('a');
  group.now = MINUTE;
  expect(group.ask('a', '2.0.0')).toBe(is('UpToDate'));
  expect(group.record('a').status).toBe('complete');
  expect(group.ask('b')).toBe('2.0.0');
});

test('the book of a group that aims at another version keeps what is under way', () => {
  const group = new Group();
  group.ask('a');
  const ledger = aimAt(group.ledger, '3.0.0');
  expect(grantOf(ledger, 'a')).toBeDefined();
  expect(aimAt(ledger, '3.0.0')).toBe(ledger);
});

test('whatever hosts ask and tell in whatever order, no limit is ever exceeded', () => {
  const hosts = fc.integer({ min: 0, max: 30 }).map(String);
  const act = fc.oneof(
    { weight: 4, arbitrary: hosts.map((host) => ['ask', host] as const) },
    { weight: 1, arbitrary: hosts.map((host) => ['complete', host] as const) },
    { weight: 1, arbitrary: hosts.map((host) => ['error', host] as const) },
    { weight: 1, arbitrary: hosts.map((host) => ['downloading', host] as const) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: HOUR }).map((ms) => ['wait', ms] as const) },
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 120 }), fc.boolean(), fc.integer({ min: 1, max: 5 }), (acts, safeMode, updatesMax) => {
      const group = new Group({ safeMode, updatesMax, timeout: 3 * HOUR });
      const grants: number[] = [];
      for (const [what, which] of acts) {
        if (what === 'wait') group.now += which;
        else if (what === 'complete' || what === 'error')
          group.tell(which, what === 'error' ? { type: 'error', code: 1 } : { type: 'complete' });
        else if (what === 'downloading') group.tell(which, { type: 'progress', progress: 'downloading' });
        else {
          const held = grantOf(group.ledger, which) !== undefined;
          const proven = group.ledger.version === '2.0.0' && group.ledger.completed > 0;
          const given = group.ask(which) === '2.0.0';
          if (given && !held) grants.push(group.now);
          if (given && safeMode && !proven) expect(group.ledger.underWay).toHaveLength(1);
        }
        expect(group.ledger.underWay.length).toBeLessThanOrEqual(updatesMax);
        const recent = grants.filter((time) => group.now - time < HOUR).length;
        expect(recent).toBeLessThanOrEqual(updatesMax);
      }
    }),
  );
});
