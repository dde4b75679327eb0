import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { containerMakers, ONE_OF_THEM } from './container-makers.ts';
import { type DockerClient, dockerClients, unitOfCgroups } from './docker-clients.ts';

const ID = '0123456789abcdef'.repeat(4);
const units = new Set(['db.service', 'web@1.service', 'memory.service']);
const BOOT = Date.parse('2026-01-01T00:00:00Z');
/** A command that began so many seconds after the boot. */
const client = (unit: string | undefined, line: string, at = 100): DockerClient => ({
  id: `${line} ${at}`,
  since: BOOT + at * 1000,
  unit,
  words: line.split(' '),
});
interface Like {
  readonly id?: string;
  readonly name?: string;
  readonly image?: string;
  readonly cmd?: string[];
  readonly labels?: Record<string, string>;
  readonly at?: number;
}
const container = (more: Like = {}) => ({
  Id: more.id ?? ID,
  Created: new Date(BOOT + (more.at ?? 101) * 1000).toISOString(),
  Name: `/${more.name ?? 'sad_babbage'}`,
  Config: { Image: more.image ?? 'redis:7', Cmd: more.cmd ?? ['redis-server'], Labels: more.labels ?? null },
});

describe('the unit of a process', () => {
  test.each([
    ['0::/system.slice/db.service', 'db.service'],
    ['12:memory:/\n1:name=systemd:/system.slice/system-web.slice/web@1.service/sub', 'web@1.service'],
    ['0::/system.slice/_memory.service', 'memory.service'],
    ['0::/system.slice/other.service', undefined],
    // A unit of that name in a container, or of a person's own systemd, is another's.
    [`0::/system.slice/docker-${ID}.scope/system.slice/db.service`, undefined],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/db.service', undefined],
    ['5:memory:/system.slice/db.service\n1:name=systemd:/docker/x', undefined],
  ])('%j is %j', (cgroups, unit) => expect(unitOfCgroups(cgroups, units)).toBe(unit));
});

describe('whose container it is', () => {
  const of = (one: ReturnType<typeof container>, ...clients: DockerClient[]) => containerMakers().unitOf(one, clients, units);

  test('is told by its label, whoever has started it', () => {
    expect(of(container({ labels: { 'terrane.dev/unit': 'db.service' } }))).toBe('db.service');
    expect(of(container({ labels: { 'terrane.dev/unit': 'other.service' } }))).toBe(undefined);
  });

  test('is told by the name that a command gives or starts', () => {
    const run = client('db.service', '/usr/bin/docker run --rm --name cache -v a:/b redis:7');
    expect(of(container({ name: 'cache' }), run)).toBe('db.service');
    expect(of(container({ name: 'other' }), run)).toBe(undefined);
    expect(
      of(container({ name: 'cache' }), client('db.service', 'docker -D run --name=cache redis:7 redis-server --save 60')),
    ).toBe('db.service');
    expect(of(container({ name: 'cache' }), client('web@1.service', 'docker start -a cache'))).toBe('web@1.service');
    expect(of(container(), client('web@1.service', `docker start -a ${ID.slice(0, 12)}`))).toBe('web@1.service');
    // A person's own, beside a unit's nameless command for the same image.
    const own = client(undefined, 'docker run -it --name cache redis:7');
    expect(of(container({ name: 'cache' }), own, client('db.service', 'docker run redis:7'))).toBe(undefined);
  });

  test('is told by image and command where there is no name', () => {
    expect(of(container(), client('db.service', 'docker run --rm -p 1:1 redis:7'))).toBe('db.service');
    const cmd = ['redis-server', '--port', '7'];
    expect(of(container({ cmd }), client('db.service', 'docker run redis:7 redis-server --port 7'))).toBe('db.service');
    expect(of(container({ cmd }), client('db.service', 'docker run redis:7 redis-server --port 8'))).toBe(undefined);
    expect(of(container(), client('db.service', 'docker run nginx'))).toBe(undefined);
    expect(of(container(), client('db.service', 'docker pull redis:7'))).toBe(undefined);
  });

  test('is not told by what anybody else runs as well: no container but a fenced unit’s is ended with the lease', () => {
    const alike = ['db.service', undefined].map((unit) => client(unit, 'docker run redis:7'));
    expect(of(container(), ...alike)).toBe(undefined);
    const named = ['db.service', undefined].map((unit, at) => client(unit, 'docker run --name cache redis:7', 100 + at));
    for (const both of [named, named.toReversed()]) expect(of(container({ name: 'cache' }), ...both)).toBe(undefined);
  });

  test('is not told by other words of a command than those that name it', () => {
    expect(of(container({ name: 'cache' }), client('db.service', 'docker exec cache start'))).toBe(undefined);
    expect(of(container({ cmd: ['run'] }), client('db.service', 'docker exec redis:7 run'))).toBe(undefined);
    expect(of(container({ name: 'cache' }), client('db.service', 'docker --host unix:///a container start cache'))).toBe(
      'db.service',
    );
    const cmd = ['--name', 'infra0'];
    expect(of(container({ cmd }), client('db.service', 'docker run redis:7 --name infra0'))).toBe('db.service');
  });

  test('is not told by a command that came when it was there already', () => {
    const run = 'docker run --name cache redis:7';
    expect(of(container({ name: 'cache', at: 50 }), client('db.service', run))).toBe(undefined);
    expect(of(container({ at: 50 }), client('db.service', 'docker run redis:7'))).toBe(undefined);
    expect(of(container({ name: 'cache', at: 50 }), client('db.service', 'docker start -a cache'))).toBe('db.service');
  });

  test('a command has made one: what looks like it, and was made by who isn’t seen, is somebody else’s', () => {
    const makers = containerMakers();
    const run = client('db.service', 'docker run redis:7');
    const ask = (one: Like, ...clients: DockerClient[]) => makers.unitOf(container(one), clients, units);
    expect(ask({ id: 'a' }, run)).toBe('db.service');
    // By compose, or by a `docker run -d` that has ended.
    expect(ask({ id: 'b', at: 200 }, run)).toBe(undefined);
    // At its start, too.
    expect(ask({ id: 'b', at: 200 }, run, client('web@1.service', 'docker run redis:7', 199))).toBe(undefined);
    // The engine starts it again; whoever does by hand may be seen.
    expect(ask({ id: 'a' })).toBe('db.service');
    expect(ask({ id: 'b', name: 'cache' }, client('db.service', 'docker start cache'))).toBe('db.service');
    makers.forget('a');
    expect(ask({ id: 'a' })).toBe(undefined);
  });

  test('a person’s command that has its own container doesn’t hide a unit’s', () => {
    const makers = containerMakers();
    const own = client(undefined, 'docker run redis:7', 50);
    expect(makers.unitOf(container({ id: 'a', at: 51 }), [own], units)).toBe(undefined);
    expect(makers.unitOf(container({ id: 'b' }), [own, client('db.service', 'docker run redis:7')], units)).toBe('db.service');
  });

  test('of two units that may both have made it none waits for it, and it ends with the lease', () => {
    const makers = containerMakers();
    const both = ['db.service', 'web@1.service'].map((unit, at) => client(unit, 'docker run redis:7', 100 + at));
    for (const id of ['a', 'b']) expect(makers.unitOf(container({ id }), both, units)).toBe(ONE_OF_THEM);
    expect(makers.unitOf(container({ id: 'c' }), both, units)).toBe(undefined);
    // One after the other they are no riddle.
    const later = containerMakers();
    expect(later.unitOf(container({ id: 'a' }), [both[0]!], units)).toBe('db.service');
    expect(later.unitOf(container({ id: 'b', at: 102 }), both, units)).toBe('web@1.service');
  });
});

test('commands are found by their processes, and by when those began', async () => {
  const before = Date.now();
  const child = spawn('sleep', ['60']);
  const dir = await mkdtemp(join(tmpdir(), 'docker-clients-'));
  try {
    // The kernel's own words about that process, but for its name.
    await mkdir(join(dir, String(child.pid)));
    for (const [file, text] of [
      ['comm', 'docker\n'],
      ['cmdline', '/usr/bin/docker\0run\0redis\0'],
      ['cgroup', '0::/system.slice/db.service\n'],
      ['stat', await readFile(`/proc/${child.pid}/stat`, 'utf8')],
    ] as const)
      await writeFile(join(dir, String(child.pid), file), text);
    await mkdir(join(dir, '99999999'));
    const [found, ...more] = await dockerClients(units, dir);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ unit: 'db.service', words: ['/usr/bin/docker', 'run', 'redis'] });
    // To a second: uptimes are no more precise on some systems.
    expect(found!.since).toBeGreaterThan(before - 1_100);
    expect(found!.since).toBeLessThan(Date.now() + 1_100);
  } finally {
    child.kill('SIGKILL');
    await rm(dir, { recursive: true });
  }
});
