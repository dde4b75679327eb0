import { execFile, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { canRunSystemdHosts, startSystemdLab, type SystemdLab } from '../../support/systemd-host/lab.ts';
import type { SystemdHost } from '../../support/systemd-host/host.ts';
import { eventually } from '../../support/eventually.ts';
import { drive, type DrivenHost, SLEEP, unit } from './support.ts';

/** What is wanted, and what systemd shows, change while the agent waits for answers: none of it may be acted upon when it is over. */

(canRunSystemdHosts() ? describe : describe.skip)('what is known of units, when it is over', () => {
  let lab: SystemdLab;
  let host: SystemdHost;
  const driven: DrivenHost[] = [];
  const agent = async () => {
    const one = await drive(host);
    driven.push(one);
    return one;
  };
  const address = () => `--address=unix:path=${host.path('/run/dbus/system_bus_socket')}`;
  /** To the host's bus, that of the one who asks included. */
  const connections = async () => {
    const { stdout } = await promisify(execFile)('busctl', [address(), 'list', '--unique', '--no-legend']);
    return stdout.trim().split('\n').length;
  };
  const noFileIsLeft = () =>
    eventually('no unit file of ours is left', async () => {
      expect(await host.sh('grep -ls terrane.dev/unit /run/systemd/system/* || true')).toBe('');
    });

  beforeAll(async () => {
    lab = await startSystemdLab();
    host = await lab.start('one');
  });
  afterEach(async () => {
    const ours = driven.splice(0);
    ours.at(-1)?.assign();
    try {
      await noFileIsLeft();
    } finally {
      for (const one of ours) await one.close();
    }
  });
  afterAll(() => lab?.stop());

  test('starts no unit that went elsewhere while there was no lease, though the host asked systemd before it knew', async () => {
    const first = await agent();
    const lapsed = { at: Date.now(), graceSeconds: 600 };
    const db = unit('db.service', SLEEP, { fenced: true });
    first.assign(db);
    await first.reported('db.service', { activeState: 'active' });
    first.lapse(lapsed);
    await first.reported('db.service', { activeState: 'inactive' });
    await first.close();
    const before = await host.show('db.service', 'InvocationID');

    // An agent that doesn't know yet what systemd says of it: the answer is a long time on its way.
    const others = await connections();
    process.kill(host.pid(), 'SIGSTOP');
    const again = await agent();
    again.lapse(lapsed);
    again.assign(db);
    try {
      await eventually('it is connected, and waits for systemd', async () => expect(await connections()).toBe(others + 1));
      // The host is back: its lease is good for what is assigned now, which the unit isn't.
      again.assign();
      again.lapse(undefined);
    } finally {
      process.kill(host.pid(), 'SIGCONT');
    }
    await noFileIsLeft();
    expect([before, '']).toContain(await host.show('db.service', 'InvocationID'));
    expect(again.lines.filter((line) => line.includes('starting a unit'))).toEqual([]);
  });

  test('is not asked for over and over: systemd is left alone once nothing changes, also by what does not run', async () => {
    const { assign, lapse, reported } = await agent();
    const stopped = unit('stopped.service', SLEEP, { fenced: true });
    assign(stopped, unit('loaded.service', SLEEP, { desired: 'loaded' }), unit('runs.service', SLEEP));
    await reported('stopped.service', { activeState: 'active' });
    lapse({ at: Date.now(), graceSeconds: 600 });
    await reported('stopped.service', { activeState: 'inactive' });
    await reported('runs.service', { launched: 1, activeState: 'active' });
    await reported('loaded.service', { loadState: 'loaded' });
    let asked = 0;
    const monitor = spawn('busctl', [address(), 'monitor', 'org.freedesktop.systemd1']);
    monitor.stdout.setEncoding('utf8').on('data', (text: string) => {
      asked += text.split('Member=LoadUnit').length - 1;
    });
    try {
      await eventually('it is seen what is asked', async () => {
        await host.sh(
          'busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager LoadUnit s x.service',
        );
        expect(asked).toBeGreaterThan(0);
      });
      await eventually('nothing is asked for a second', async () => {
        const before = asked;
        await delay(1_000);
        expect(asked - before).toBe(0);
      });
    } finally {
      monitor.kill();
    }
    // What changes is seen all the same.
    await host.sh('systemctl start loaded.service');
    await reported('loaded.service', { activeState: 'active' });
    await host.sh('systemctl stop loaded.service');
    await reported('loaded.service', { activeState: 'inactive' });
    lapse(undefined);
    await reported('stopped.service', { activeState: 'active' });
  });
});
