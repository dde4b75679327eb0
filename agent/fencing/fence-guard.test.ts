import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../../test/support/eventually.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { fenceGuard, type FenceGuardOptions } from './fence-guard.ts';
import { guardText, readFencedWork } from './guard-file.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrane-guard-'));
  path = join(directory, 'fence');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const told = () => readFencedWork(path, 'boot');
const lines = () => readFileSync(path, 'utf8').split('\n');

function guardOf(rest: Partial<FenceGuardOptions> = {}) {
  const ensured: boolean[] = [];
  const guard = fenceGuard({
    path,
    bootId: 'boot',
    uptime: () => 100_000,
    lease: () => ({ until: 140_000, held: true, graceSeconds: 10, number: 1 }),
    leaseFile: '/data/lease.json',
    units: () => [],
    containers: [() => []],
    process: { ensure: async (anew) => void ensured.push(anew) },
    log: silentLogger,
    ...rest,
  });
  return { guard, ensured };
}

describe('the fence guard is told', () => {
  test('what is about to start before it does, and no more of it once nobody knows of it', async () => {
    const { guard, ensured } = guardOf();
    const seen = await guard.during({ units: ['db.service'], containers: ['c0ffee'] }, async () => ({
      ...told(),
      ensured: [...ensured],
    }));
    expect(seen).toEqual({ units: ['db.service'], containers: ['c0ffee'], ensured: [true] });
    guard.tell();
    await eventually('it is forgotten', () => expect(told()).toEqual({ units: [], containers: [] }));
    // The guard may be about to end.
    await guard.during({ units: ['db.service'] }, () => guard.during({ units: ['web.service'] }, () => Promise.resolve()));
    expect(ensured).toEqual([true, true]);
  });

  test('until when, of which boot, and whether the agent stops containers by itself, in hundredths of seconds of uptime', async () => {
    let held = true;
    const { guard } = guardOf({
      units: () => ['db.service'],
      lease: () => ({ until: 140_009, held, graceSeconds: 2.5, number: 1 }),
    });
    guard.tell();
    const head = ['boot boot', 'at 10000', 'until 14000', 'grace 250', 'lease /data/lease.json'];
    await eventually('it is told', () => expect(lines().slice(2)).toEqual([...head, 'unit db.service', 'end', '']));
    held = false;
    guard.tell();
    await eventually('it is told', () => expect(lines().slice(2)).toEqual([...head, 'stopping', 'unit db.service', 'end', '']));
  });

  test('nothing at all where nothing is fenced: no file, no process', async () => {
    const { guard, ensured } = guardOf();
    guard.tell();
    await guard.during({}, () => Promise.resolve());
    expect(() => lines()).toThrow('ENOENT');
    expect(ensured).toEqual([]);
  });

  test('what an agent before this one had told, until it is known what there is', async () => {
    const known = { units: ['db.service'], containers: ['c0ffee'] };
    const rest = { writtenAt: 0, until: 1, graceSeconds: 1, leaseFile: '/', stopping: false };
    writeFileSync(path, guardText('1', { bootId: 'boot', ...rest, ...known }));
    let looked = false;
    const { guard } = guardOf({ units: () => ['web.service'], containers: [() => (looked ? [] : undefined), () => []] });
    guard.tell();
    await eventually('it is told', () => expect(told()).toEqual({ units: ['web.service'], containers: ['c0ffee'] }));
    looked = true;
    guard.tell();
    await eventually('it is told', () => expect(told()).toEqual({ units: ['web.service'], containers: [] }));
    expect(readFencedWork(path, 'another boot')).toEqual({ units: [], containers: [] });
  });

  test('or nothing is started', async () => {
    const { guard } = guardOf();
    mkdirSync(`${path}.new`);
    let started = false;
    const start = async () => void (started = true);
    await expect(guard.during({ units: ['db.service'] }, start)).rejects.toThrow('EISDIR');
    expect(started).toBe(false);
    rmSync(`${path}.new`, { recursive: true });
    await guard.during({ units: ['db.service'] }, start);
    expect(started).toBe(true);
  });
});

test('systemd may start no fenced unit from the end of a lease until there is another one', async () => {
  let held = false;
  const { guard } = guardOf({ units: () => ['db.service'], lease: () => ({ until: 1, held, graceSeconds: 1, number: 1 }) });
  guard.tell();
  await eventually('it may not', () => expect(existsSync(guard.lapsedFile!)).toBe(true));
  held = true;
  await guard.during({ units: ['db.service'] }, async () => expect(existsSync(guard.lapsedFile!)).toBe(false));
});

test('a unit starts once systemd has heard what the guard asked of it when the lease before this one was over', async () => {
  const { guard } = guardOf();
  writeFileSync(`${path}.pending`, '');
  let heard = false;
  const started = guard.during({ units: ['db.service'] }, async () => heard);
  await eventually('the guard is told', () => expect(told().units).toEqual(['db.service']));
  heard = true;
  rmSync(`${path}.pending`);
  expect(await started).toBe(true);
});

test('what runs under a lease of which the guard heard so late that it may have ended units counts as run under another one', async () => {
  const machine = { now: 100_000, until: 140_000, number: 1, late: 0 };
  const { guard } = guardOf({
    units: () => ['db.service'],
    uptime: () => machine.now,
    lease: () => ({ ...machine, held: true, graceSeconds: 10 }),
    onLate: () => void machine.late++,
  });
  const told_ = async (next: Partial<typeof machine>) => {
    Object.assign(machine, next);
    guard.tell();
    await eventually('it is told', () => expect(lines()).toContain(`until ${machine.until / 10}`));
    // Another one waits for the one before.
    await guard.during({}, () => Promise.resolve());
    return machine.late;
  };
  expect(await told_({})).toBe(0);
  expect(await told_({ now: 140_400, until: 170_000 })).toBe(0);
  expect(await told_({ now: 170_500, until: 190_000 })).toBe(1);
  expect(await told_({ now: 300_000, until: 340_000, number: 300_000 })).toBe(1);
});
