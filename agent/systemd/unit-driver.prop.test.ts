import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { AssignedUnit } from '../../core/node/assigned-unit.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { NO_GUARD } from '../fencing/fence-guard.ts';
import { confirmed, holds, type HostLease, NO_LEASE, renewed } from '../fencing/host-lease.ts';
import { fakeSystemd } from '../testing/fake-systemd.ts';
import { openUnitDriver, type UnitDriver } from './unit-driver.ts';

/** The whole driver against a systemd that takes its time, while what is wanted, the lease, the bus and the agent come and go. */

const STOP_SECONDS = 40;
const GRACE_SECONDS = 10;
/** Files and processes are real. */
const SETTLED_MS_MAX = 15_000;
const NAMES = ['db.service', 'web.service', 'log.service'];

beforeEach(() => {
  const left = ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'Date', 'performance', 'hrtime'] as const;
  jest.useFakeTimers({ doNotFake: [...left] });
});
afterEach(() => void jest.useRealTimers());

type Wish = Readonly<Record<string, AssignedUnit>>;

/** A control plane's wishes, a host, and what comes to pass between them as a list of numbers says. */
async function story(choices: readonly number[]): Promise<void> {
  const base = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'terrane-driver-'));
  const directory = join(base, 'system');
  mkdirSync(directory);
  mkdirSync(join(base, 'cgroup'));
  let now = 1_000_000;
  const faults: string[] = [];

  // What the control plane wants, and what the agent knows of it.
  let wish: Wish = {};
  let uids = 0;
  let assigned: Wish | undefined;
  let lease: HostLease = NO_LEASE;
  let lapsedAt: number | undefined = now;
  /** Under way: reports, and questions for the assignment. */
  const reports: number[] = [];
  const questions: { readonly at: number; answer?: Wish }[] = [];
  let driver: UnitDriver;

  const systemd = fakeSystemd({
    directory,
    now: () => now,
    onStart(name) {
      const unit = assigned?.[name];
      if (unit?.desired !== 'launched') faults.push(`${name} is started and is ${unit?.desired ?? 'not assigned'}`);
      if (unit?.fenced && !holds(lease, now)) faults.push(`${name} is started without a lease`);
    },
  });

  const open = () =>
    openUnitDriver({
      owner: 'cluster-1/host-1',
      bus: '/',
      connect: systemd.connect,
      directory,
      memory: join(base, 'memory'),
      withoutBus: { systemctl: ['true'], cgroups: join(base, 'cgroup') },
      assigned: () => assigned && Object.values(assigned),
      lapsed() {
        look();
        return lapsedAt === undefined ? undefined : { at: lapsedAt, graceSeconds: GRACE_SECONDS };
      },
      mayRun: () => holds(lease, now),
      lease: () => lease.since,
      guard: NO_GUARD,
      log: silentLogger,
      events: { add() {} },
      now: () => now,
      time: (at) => new Date(at).toISOString(),
      onChange() {},
    });
  /** As the lease's keeper does. */
  function look(): void {
    const held = holds(lease, now);
    if (held === (lapsedAt === undefined)) return;
    lapsedAt = held ? undefined : Math.min(now, Math.max(lease.until, 0) || now);
    // The first one asks before there is one.
    driver?.trigger();
  }
  function wait(ms: number): void {
    now += ms;
    jest.advanceTimersByTime(ms);
    look();
  }
  function want(name: string, pick: number): void {
    const { [name]: unit, ...others } = wish;
    if (!unit || pick === 0) {
      const fenced = name !== 'log.service';
      const rest = {
        placement: 1,
        contents: `[Service]\nExecStart=/${uids}`,
        hash: String(uids % 2),
        desired: 'launched',
      } as const;
      wish = { ...others, [name]: { name, uid: String(uids++), generation: 1, fenced, ...rest } };
    } else if (pick === 1) wish = others;
    else if (pick === 2) wish = { ...others, [name]: { ...unit, generation: unit.generation + 1 } };
    else {
      const desired = unit.desired === 'launched' ? 'loaded' : unit.desired === 'loaded' ? 'absent' : 'launched';
      wish = { ...others, [name]: { ...unit, desired } };
    }
  }
  function answerReport(): void {
    const sentAt = reports.shift();
    if (sentAt === undefined) return;
    look();
    lease = renewed(lease, sentAt, now, { stopSeconds: STOP_SECONDS, graceSeconds: GRACE_SECONDS });
    look();
  }
  function answerQuestion(): void {
    const { at, answer } = questions.shift() ?? {};
    if (at === undefined || !answer) return;
    assigned = answer;
    driver.trigger();
    lease = confirmed(lease, at, now);
    look();
  }
  const restart = async () => {
    const closing = driver.close();
    systemd.lose();
    await closing;
    driver = await open();
    driver.trigger();
  };
  const renewal = () => {
    reports.push(now);
    answerReport();
    questions.splice(0);
    questions.push({ at: now, answer: wish });
    answerQuestion();
  };

  driver = await open();
  try {
    for (const choice of choices) {
      const pick = Math.floor(choice / 32);
      const name = NAMES[pick % NAMES.length]!;
      const kind = choice % 32;
      if (kind === 0) want(name, Math.floor(pick / NAMES.length) % 4);
      else if (kind === 1) reports.push(now);
      else if (kind === 2) answerReport();
      else if (kind === 3) questions.push({ at: now });
      else if (kind === 4) {
        const open = questions.find(({ answer }) => !answer);
        if (open) open.answer = wish;
      } else if (kind === 5) answerQuestion();
      else if (kind === 6) wait((pick % 5) * 10_000);
      else if (kind === 7) wait(pick % 300);
      else if (kind === 8) renewal();
      else if (kind === 9 && pick % 4 === 0) systemd.lose();
      else if (kind === 10 && pick % 4 === 0) await restart();
      else if (kind === 11) systemd.exit(name);
      else if (kind === 12) {
        // The host is cut off for so long that a unit goes elsewhere.
        wait(Math.max(0, Math.min(lease.until - now, STOP_SECONDS * 1000)));
        want(name, 1);
        renewal();
      } else if (kind === 13) {
        want(name, 0);
        renewal();
      } else for (let more = choice % 4; more >= 0; more--) systemd.step(pick + more);
      await turn();
      if (faults.length > 0) throw new Error(faults.join('\n'));
    }
    const settled = async (what: string, is: () => boolean) => {
      const deadline = Date.now() + SETTLED_MS_MAX;
      while (!is()) {
        if (Date.now() > deadline)
          throw new Error(
            `${what} never comes to be: ${JSON.stringify({ assigned, up: systemd.running(), reports: driver.reports() })}`,
          );
        renewal();
        for (let at = 0; at < 20 && systemd.step(at); at++);
        await turn();
        wait(50);
        if (faults.length > 0) throw new Error(faults.join('\n'));
      }
    };
    // What has ended by itself is to stay like that, until it is wanted anew.
    for (const unit of Object.values(wish)) wish = { ...wish, [unit.name]: { ...unit, generation: unit.generation + 1 } };
    await settled('what is wanted', () => {
      const said = driver.reports();
      return (
        Object.values(wish).every(({ name, uid, generation, desired }) => {
          const one = said === 'unknown' ? undefined : said.find((report) => report.name === name && report.uid === uid);
          if (desired === 'absent') return one?.gone === true;
          return desired === 'loaded'
            ? one?.activeState === 'inactive'
            : one?.launched === generation && one.activeState === 'active';
        }) && systemd.running().every((name) => wish[name]?.desired === 'launched')
      );
    });
    const before = { ...wish };
    wish = {};
    await settled('nothing', () =>
      NAMES.every((name) => !existsSync(join(directory, name)) && systemd.activeState(name) === 'inactive'),
    );
    wish = before;
    await settled('all of it again', () =>
      Object.values(wish).every(({ name, desired }) => (systemd.activeState(name) === 'active') === (desired === 'launched')),
    );
  } finally {
    const closing = driver.close();
    systemd.lose();
    await closing;
    rmSync(base, { recursive: true, force: true });
  }
}

test('systemd is asked to start no unit that is not assigned, launched and, if fenced, leased at that moment; all comes to be as it is wanted', async () => {
  const choices = fc.array(fc.nat(1 << 20), { minLength: 200, maxLength: 600, size: 'max' });
  await fc.assert(fc.asyncProperty(choices, story), { numRuns: Number(process.env.RUNS ?? 50), endOnFailure: true });
}, 60_000);
