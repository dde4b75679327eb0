import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../../test/support/eventually.ts';
import { killByCgroup } from './kill-by-cgroup.ts';

let base: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'terrane-cgroups-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(base, { recursive: true, force: true });
});

/** A process in a cgroup, as the kernel would show it. */
function processIn(...cgroups: string[]): ChildProcess {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  for (const cgroup of cgroups) {
    mkdirSync(join(base, cgroup), { recursive: true });
    writeFileSync(join(base, cgroup, 'cgroup.procs'), `0\n${child.pid}\n`);
  }
  return child;
}

const killed = (child: ChildProcess) => eventually('it is dead', () => expect(child.signalCode).toBe('SIGKILL'));

describe('killing a unit by its cgroup', () => {
  test('finds it below slices in systemd’s own hierarchy, and what it has put below itself', async () => {
    const own = processIn('systemd/system.slice/system-db.slice/db@1.service');
    const below = processIn('systemd/system.slice/system-db.slice/db@1.service/worker');
    const other = processIn('systemd/system.slice/web.service');
    expect(await killByCgroup(base, 'db@1.service')).toBe(true);
    await killed(own);
    await killed(below);
    expect(other.signalCode).toBe(null);
  });

  test('finds it where there is one hierarchy only, and under the name that the kernel forces on it', async () => {
    writeFileSync(join(base, 'cgroup.controllers'), 'cpu\n');
    const own = processIn('system.slice/_memory.service');
    expect(await killByCgroup(base, 'memory.service')).toBe(true);
    await killed(own);
  });

  test("leaves units of the same name alone that are a container's, or a person's own", async () => {
    const contained = processIn('systemd/docker/c0ffee/system.slice/db.service');
    const inScope = processIn('systemd/system.slice/docker-c0ffee.scope/system.slice/db.service');
    const personal = processIn('systemd/user.slice/user-0.slice/user@0.service/app.slice/db.service');
    expect(await killByCgroup(base, 'db.service')).toBe(false);
    expect([contained, inScope, personal].map(({ signalCode }) => signalCode)).toEqual([null, null, null]);
  });

  test('has the kernel end all at once, but for a unit with processes that are of a machine around this one', async () => {
    writeFileSync(join(base, 'cgroup.controllers'), 'cpu\n');
    const whole = (unit: string, pids: string) => {
      const path = join(base, 'system.slice', unit);
      mkdirSync(join(path, 'worker'), { recursive: true });
      writeFileSync(join(path, 'cgroup.kill'), '');
      writeFileSync(join(path, 'worker/cgroup.procs'), pids);
      return () => readFileSync(join(path, 'cgroup.kill'), 'utf8');
    };
    const own = whole('own.service', '');
    const around = whole('around.service', '0\n0\n');
    for (const name of ['own.service', 'around.service']) await killByCgroup(base, name);
    expect([own(), around()]).toEqual(['1', '']);
  });

  test('of a unit that has none does nothing', async () => {
    expect(await killByCgroup(join(base, 'nowhere'), 'db.service')).toBe(false);
  });
});
