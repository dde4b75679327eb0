import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../core/ports/logger.ts';
import type { OfferedUpdate, RebootLockRequest } from '../../core/updates/agent-protocol.ts';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { UpdateControl } from './control-plane.ts';
import type { UpdateDriver } from './driver.ts';
import { type Follower, startFollower } from './follower.ts';
import { type Journal, newJournal, type Phase } from './machine.ts';

const follows: AssignedUpdate = {
  group: 'edge',
  application: 'os',
  driver: 'rauc',
  checkSeconds: 60,
  health: { timeoutSeconds: 1, units: [] },
};
const update: OfferedUpdate = { package: 'os-2', version: '2', url: 'http://a.example/', files: [] };

let folder: string;
let file: string;
let ending: AbortController;
let follower: Follower | undefined;
/** Calls of the driver and the control plane, in order. */
let calls: string[];
let status: () => Promise<string>;
let lock: (request: RebootLockRequest) => Promise<{ held: boolean }>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trn-follower-'));
  file = join(folder, 'updates/os.json');
  ending = new AbortController();
  calls = [];
  status = async () => '1';
  lock = async () => ({ held: false });
});
afterEach(async () => {
  ending.abort();
  await follower?.done;
  follower = undefined;
  rmSync(folder, { recursive: true });
});

const did = <T>(what: string, answer: T): T => {
  calls.push(what);
  return answer;
};
const driver = (): UpdateDriver => ({
  takesTurns: true,
  bootsInto: true,
  problem: async () => did('problem', undefined),
  status: () => status(),
  check: async () => did('check', undefined),
  download: async () => did('download', undefined),
  stage: async () => did('stage', undefined),
  activate: async () => did('activate', 'reboot' as const),
  confirm: async () => did('confirm', undefined),
  rollback: async () => did('rollback', 'running' as const),
  discard: async () => did('discard', undefined),
});
const control: UpdateControl = {
  check: async () => did('ask', { type: 'acknowledged' as const }),
  rebootLock: (request) => did(request.action, lock(request)),
};

/** An agent that finds this on its disk. `uptime` in ms. */
function start(found?: Partial<Journal> & { phase: Phase }, uptime = 0): Follower {
  if (found) {
    const journal: Journal = { ...newJournal(follows), update, bootId: 'boot', watchedSince: 0, ...found };
    rmSync(join(folder, 'updates'), { recursive: true, force: true });
    writeJournal(journal);
  }
  follower = startFollower({
    file,
    driverOf: () => did('driver', driver()),
    control,
    host: { connected: () => true, engineProblem: () => undefined },
    run: async () => ({ code: 0, stdout: '', log: '' }),
    arch: 'amd64',
    bootId: 'boot',
    uptime: () => uptime,
    now: () => 1,
    random: () => 0.5,
    reboot: async () => did('reboot', undefined),
    restart: async () => did('restart', undefined),
    log: silentLogger,
    events: { add: () => {} },
    onChange: () => {},
    signal: ending.signal,
    timing: { turnMs: 1, retryMs: 1 },
  });
  return follower;
}
function writeJournal(journal: Journal): void {
  mkdirSync(join(folder, 'updates'));
  writeFileSync(file, JSON.stringify(journal));
}
const journal = () => JSON.parse(readFileSync(file, 'utf8')) as Journal;

describe('a host', () => {
  test('that no group names has nothing of this: no file, no driver, no question', async () => {
    start().follow(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    ending.abort();
    await follower!.done;
    expect({ calls, files: existsSync(join(folder, 'updates')), phase: follower!.state().phase }).toEqual({
      calls: [],
      files: false,
      phase: 'idle',
    });
  });

  test("goes back from a system that can't tell what it runs, when its time is over and not before", async () => {
    let asked = 0;
    status = async () => {
      asked++;
      throw new Error('rauc does not answer');
    };
    start({ phase: 'watch' }, 999).follow(follows);
    await eventually('it has looked again', () => expect(asked).toBeGreaterThan(3), { everyMs: 1 });
    expect(calls).not.toContain('rollback');
    ending.abort();
    await follower!.done;

    ending = new AbortController();
    start({ phase: 'watch' }, 1000).follow(follows);
    await eventually('it is over', () => expect(journal().failure).toBeDefined(), { everyMs: 1 });
    expect(journal().failure).toMatchObject({ error: 'unhealthy', message: expect.stringContaining('rauc does not answer') });
    await eventually('it goes back', () => expect(calls).toContain('rollback'), { everyMs: 1 });
  });

  test('that leaves its group while it waits gives back the slot on which it may be drained, however often that takes', async () => {
    let tries = 0;
    lock = async () => {
      if (++tries < 3) throw new Error('the control plane is away');
      return { held: false };
    };
    start({ phase: 'turn' }).follow(undefined);
    await eventually('it follows nothing', () => expect(journal().phase).toBe('idle'), { everyMs: 1 });
    expect(calls.filter((call) => call === 'release')).toHaveLength(3);
  });
});
