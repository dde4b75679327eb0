import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Message, sessionBus } from '@jellybrick/dbus-next';
import { NO_GUARD } from '../../../agent/fencing/fence-guard.ts';
import { openUnitDriver } from '../../../agent/systemd/unit-driver.ts';
import { eventually } from '../../support/eventually.ts';
import { SLEEP, unit } from './support.ts';

const SYSTEMD = 'org.freedesktop.systemd1';

test('a systemd that lets itself be connected to and then refuses is asked less and less often, and it is said once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'terrane-refusing-'));
  const socket = join(directory, 'bus');
  const daemon = spawn('dbus-daemon', ['--session', '--nofork', `--address=unix:path=${socket}`], { stdio: 'ignore' });
  const asked: number[] = [];
  const lines: string[] = [];
  const log = (message: string) => void lines.push(message);
  let service: ReturnType<typeof sessionBus> | undefined;
  let driver: Awaited<ReturnType<typeof openUnitDriver>> | undefined;
  try {
    await eventually('there is a bus', () => expect(existsSync(socket)).toBe(true));
    service = sessionBus({ busAddress: `unix:path=${socket}` });
    await service.requestName(SYSTEMD, 0);
    service.addMethodHandler((message: Message) => {
      if (message.destination !== SYSTEMD) return false;
      if (message.member === 'Subscribe') service!.send(Message.newMethodReturn(message));
      else {
        asked.push(Date.now());
        service!.send(Message.newError(message, 'org.freedesktop.DBus.Error.AccessDenied', 'not for you'));
      }
      return true;
    });
    driver = await openUnitDriver({
      owner: 'c/h',
      bus: socket,
      directory,
      memory: directory,
      assigned: () => [unit('a.service', SLEEP)],
      lapsed: () => undefined,
      mayRun: () => true,
      lease: () => 1,
      guard: NO_GUARD,
      log: { info: log, warn: log, error: log },
      events: { add() {} },
      now: () => Date.now(),
      time: String,
      onChange() {},
    });
    driver.trigger();
    // Half a second, one, two: a machine that stands still makes pauses longer only.
    await eventually('it is asked again and again', () => expect(asked.length).toBeGreaterThanOrEqual(4));
    expect(asked[3]! - asked[2]!).toBeGreaterThanOrEqual(1_900);
    expect(lines).toEqual(["this host's units can't be looked after"]);
  } finally {
    await driver?.close();
    service?.disconnect();
    daemon.kill();
    await rm(directory, { recursive: true });
  }
});
