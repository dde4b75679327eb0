import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../core/ports/logger.ts';
import { DockerConnection } from '../../../agent/docker/connection.ts';
import { dockerEngine, type Engine } from '../../../agent/docker/engine.ts';
import { type FencedWork, guardText } from '../../../agent/fencing/guard-file.ts';
import { guardProcess } from '../../../agent/fencing/guard-process.ts';
import { canRunDockerd, type Dockerd, startDockerd } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { BUSYBOX, importBusybox } from '../../support/images.ts';

const uptime = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;

(canRunDockerd() ? describe : describe.skip)('the fence guard where there is no systemd', () => {
  let dockerd: Dockerd;
  let engine: Engine;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'terrane-guard-'));
    dockerd = await startDockerd();
    engine = dockerEngine(new DockerConnection(dockerd.socket));
    await importBusybox(dockerd.socket);
  });
  afterAll(async () => {
    const left = join(directory, 'fence.pid');
    if (existsSync(left) && lives(Number(readFileSync(left, 'utf8')))) process.kill(Number(readFileSync(left, 'utf8')));
    engine?.close();
    await dockerd?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('ends a container with the lease while its engine hangs, and no other; a newer one takes its place; with nothing fenced it ends', async () => {
    const run = async (name: string) => {
      const { Id } = await engine.createContainer(name, { Image: BUSYBOX, Cmd: ['sleep', '600'], Labels: {}, HostConfig: {} });
      await engine.startContainer(Id);
      return { id: Id, pid: (await engine.inspectContainer(Id)).State.Pid };
    };
    const [fenced, free] = [await run('fenced'), await run('free')];
    const path = join(directory, 'fence');
    let ids = 0;
    const say = (until: number, work: Partial<FencedWork>) => {
      const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const state = { bootId, writtenAt: uptime(), until, graceSeconds: 1, leaseFile: join(directory, 'lease'), stopping: true };
      writeFileSync(path, guardText(`test.${ids++}`, { ...state, units: [], containers: [], ...work }));
    };
    say(uptime() + 600_000, { containers: [fenced.id] });
    const guard = guardProcess({ path, unitDirectory: join(directory, 'no-systemd'), log: silentLogger });
    const pid = () => Number(existsSync(`${path}.pid`) ? readFileSync(`${path}.pid`, 'utf8') : 0);
    const started = (before = 0) =>
      eventually('one has begun', () => {
        expect(pid()).not.toBe(before);
        return pid();
      });
    await guard.ensure(true);
    const first = await started();
    await guard.ensure(false);
    expect(pid()).toBe(first);
    await guard.ensure(true);
    const second = await started(first);
    await eventually('the earlier one has ended', () => expect(lives(first)).toBe(false));

    process.kill(dockerd.pid, 'SIGSTOP');
    try {
      say(uptime() + 500, { containers: [fenced.id] });
      await eventually('the container has ended', () => expect(lives(fenced.pid)).toBe(false));
    } finally {
      process.kill(dockerd.pid, 'SIGCONT');
    }
    expect(lives(free.pid)).toBe(true);
    say(uptime() + 600_000, {});
    await eventually('it has ended', () => expect(lives(second)).toBe(false));
  });
});

/** A process that has ended and that nobody has asked about is none. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
