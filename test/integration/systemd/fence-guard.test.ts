import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, afterAll, describe, expect, test } from '@jest/globals';
import { NO_GUARD } from '../../../agent/fencing/fence-guard.ts';
import { type GuardState, guardText } from '../../../agent/fencing/guard-file.ts';
import { guardScript, guardService } from '../../../agent/fencing/guard-process.ts';
import { eventually } from '../../support/eventually.ts';
import type { SystemdHost } from '../../support/systemd-host/host.ts';
import { canRunSystemdHosts, startSystemdLab, type SystemdLab } from '../../support/systemd-host/lab.ts';
import { drive, OWNER, service, SLEEP, unit } from './support.ts';

/** The guard alone, as it is when no agent is there any more. */

const FILE = '/run/terrane/fence-test';
const PROGRAM = `${FILE}.sh`;
const SERVICE = 'terrane-fence-test.service';
/** Of this machine and of all hosts on it, ms. */
const uptime = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;

/** It may have been killed. */
const DOWN = /^(inactive|failed)$/;

const suite = canRunSystemdHosts() ? describe : describe.skip;

suite('the fence guard of a host', () => {
  let lab: SystemdLab;
  let host: SystemdHost;
  let ids = 0;
  const own: string[] = [];

  const install = async (on: SystemdHost) => {
    await on.sh('mkdir -p /run/terrane');
    await on.write(PROGRAM, guardScript());
    await on.write(`/run/systemd/system/${SERVICE}`, guardService(PROGRAM, FILE));
    await on.sh('systemctl daemon-reload');
  };
  beforeAll(async () => {
    lab = await startSystemdLab();
    host = await lab.start('one');
    await install(host);
  });
  afterAll(() => lab?.stop());
  afterEach(async () => {
    const units = own.splice(0);
    await host.run(
      `systemctl stop ${SERVICE}; systemctl kill -s KILL ${units.join(' ')}; systemctl stop ${units.join(' ')}; systemctl reset-failed`,
    );
    for (const unit of units) await host.sh(`rm -f /run/systemd/system/${unit}`);
    await host.sh(`systemctl daemon-reload; rm -f ${FILE} ${FILE}.[dlp]*`);
  });

  /** As an agent would say it. */
  const say = async (state: Partial<GuardState>, on = host) => {
    const bootId = (await on.sh('cat /proc/sys/kernel/random/boot_id')).trim();
    const all: GuardState = {
      bootId,
      writtenAt: uptime(),
      until: uptime() + 600_000,
      graceSeconds: 1,
      leaseFile: '/var/lib/terrane/agent/lease.json',
      stopping: false,
      units: [],
      containers: [],
      ...state,
    };
    await on.write(`${FILE}.new`, guardText(`test.${ids++}`, all));
    await on.sh(`mv ${FILE}.new ${FILE}`);
  };
  const start = (on = host) => on.sh(`systemctl start ${SERVICE}`);
  const run = async (units: Record<string, string>, on = host, how = '') => {
    for (const [name, text] of Object.entries(units)) {
      own.push(name);
      await on.write(`/run/systemd/system/${name}`, text);
    }
    await on.sh(`systemctl daemon-reload; systemctl start ${how} ${Object.keys(units).join(' ')}`);
  };
  const active = (unit: string, on = host) => on.show(unit, 'ActiveState');
  const ended = (unit: string, on = host) =>
    eventually(`${unit} has ended`, async () => expect(await active(unit, on)).toMatch(DOWN));
  const processes = async (pattern: string, on = host) => (await on.run(`pgrep -f '${pattern}'`)).stdout;

  test('stops units when the lease has run out, kills what has not stopped in time, and touches nothing else', async () => {
    const stubborn = service(
      `/bin/sh -c 'trap "" TERM; setsid sleep 4721 & while :; do sleep 1; done'`,
      'Restart=always',
      'RestartSec=0',
      'TimeoutStopSec=300',
      'Slice=app-db.slice',
    );
    const gentle = service(
      `/bin/sh -c 'trap "echo asked >/run/asked; exit 0" TERM; echo yes >/run/ready; while :; do sleep 0.1; done'`,
    );
    const slow = service('/bin/sleep infinity', 'ExecStartPre=/bin/sleep 300', 'TimeoutStartSec=infinity');
    const timed = '[Timer]\nOnActiveSec=1w\n';
    const socket = '[Socket]\nListenStream=/run/door.sock\n';
    own.push('door.service');
    await host.write('/run/systemd/system/door.service', SLEEP);
    const fenced = { 'db@1.service': stubborn, 'gentle.service': gentle, 'gentle.timer': timed, 'door.socket': socket };
    await run({ ...fenced, 'free.service': SLEEP });
    await run({ 'slow.service': slow }, host, '--no-block');
    await eventually('it is starting', async () => expect(await active('slow.service')).toBe('activating'));
    await eventually('it can hear', async () => expect(await host.sh('cat /run/ready')).toBe('yes\n'));
    const units = ['slow.service', ...Object.keys(fenced)];
    await say({ until: uptime() + 1_000, units });
    await start();
    for (const unit of units) await ended(unit);
    expect(await host.sh('cat /run/asked')).toBe('asked\n');
    expect(await processes('^sleep 4721')).toBe('');
    expect(await active('free.service')).toBe('active');
    expect(await active(SERVICE)).toBe('active');
  });

  test('leaves all of it alone while the lease is renewed, and ends itself when there is nothing fenced any more', async () => {
    await run({ 'held.service': SLEEP });
    const before = await host.show('held.service', 'InvocationID');
    await start();
    const first = uptime() + 8_000;
    await say({ until: first, units: ['held.service'] });
    await host.sh('sleep 1.5');
    await say({ units: ['held.service'] });
    await eventually('the first one would be over', () => expect(uptime()).toBeGreaterThan(first + 3_000));
    expect(await host.show('held.service', 'InvocationID')).toBe(before);
    expect(await active('held.service')).toBe('active');
    await say({});
    await ended(SERVICE);
    expect(await host.show(SERVICE, 'Result')).toBe('success');
    expect(await active('held.service')).toBe('active');
  });

  test('does so while systemd hangs, though it was killed and what it is told by is damaged or gone', async () => {
    const text = service(
      `/bin/sh -c 'trap "" TERM; setsid sleep 4722 & while :; do sleep 1; done'`,
      'Restart=always',
      'RestartSec=0',
    );
    await run({ 'hung.service': text });
    await say({ units: ['hung.service'] });
    await start();
    const pid = async () => (await host.run(`cat ${FILE}.pid`)).stdout.trim();
    const first = await eventually('it has begun', async () => {
      const now = await pid();
      expect(now).toMatch(/^[0-9]+$/);
      return now;
    });
    await host.sh(`kill -KILL ${first}`);
    await eventually('another one is there', async () => expect([first, '']).not.toContain(await pid()));
    await say({ until: uptime() + 6_000, units: ['hung.service'] });
    // What it has read by now holds.
    await host.sh(`sleep 3; head -c 60 ${FILE} >${FILE}.new; mv ${FILE}.new ${FILE}`);
    process.kill(host.pid(), 'SIGSTOP');
    try {
      await host.sh(`rm ${FILE}`);
      await eventually('all of its processes are gone', async () =>
        expect(await processes('^sleep 4722|trap "" TERM; [s]etsid')).toBe(''),
      );
    } finally {
      process.kill(host.pid(), 'SIGCONT');
    }
    await ended('hung.service');
  });

  test('is told by the lease on the disk that an agent is there which knows no guard, and at the end by nobody', async () => {
    await run({ 'old.service': SLEEP });
    const leaseFile = '/var/tmp/old/lease.json';
    const bootId = (await host.sh('mkdir -p /var/tmp/old; cat /proc/sys/kernel/random/boot_id')).trim();
    const lease = (until: number) =>
      host.write(leaseFile, JSON.stringify({ until, since: 1.5, confirmed: true, bootId, revision: 3 }));
    await lease(uptime() + 600_000.25);
    await say({ until: uptime() + 500, units: ['old.service'], leaseFile });
    await start();
    await host.sh('sleep 4');
    expect(await active('old.service')).toBe('active');
    await lease(uptime() - 60_000.25);
    await ended('old.service');
    // Its agent was removed with all that it had.
    await host.sh('rm -r /var/tmp/old');
    await ended(SERVICE);
  });

  test('ends all of it at once when it is told to, as who uninstalls the agent does', async () => {
    const gentle = service(`/bin/sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'`);
    const stubborn = service('/bin/sleep infinity', 'KillSignal=SIGURG', 'TimeoutStopSec=300');
    // Process ids of several digits, the first of which is a one; where the kernel lets itself be told.
    const { code } = await host.run('echo 10000 >/proc/sys/kernel/ns_last_pid');
    await run({ 'gentle.service': gentle, 'stubborn.service': stubborn, 'free.service': SLEEP });
    if (code === 0) expect(await host.show('stubborn.service', 'MainPID')).toMatch(/^1\d{4}$/);
    await say({ units: ['gentle.service', 'stubborn.service'] });
    expect(await host.sh(`sh ${PROGRAM} end ${FILE}`)).toMatch(/stopping what is fenced\n.*killing/);
    await ended('gentle.service');
    await ended('stubborn.service');
    expect(await active('free.service')).toBe('active');
    await say({ units: ['gentle.service'] });
    await host.sh(`timeout 20 busybox sh ${PROGRAM} end ${FILE}`);
  });

  test('does all of it where the only hierarchy of cgroups is that of version 2', async () => {
    const other = await lab.start('two', { unified: true });
    await install(other);
    const text = service(
      `/bin/sh -c 'trap "" TERM; setsid sleep 4723 & while :; do sleep 1; done'`,
      'Restart=always',
      'RestartSec=0',
    );
    await run({ 'db@1.service': text, 'free.service': SLEEP }, other);
    own.splice(0);
    await say({ until: uptime() + 500, units: ['db@1.service'] }, other);
    await start(other);
    await ended('db@1.service', other);
    expect(await processes('^sleep 4723', other)).toBe('');
    expect(await active('free.service', other)).toBe('active');
  });

  test('from then on, systemd itself starts none of it, whoever asks and whenever it comes to it, until there is another lease', async () => {
    const agent = await drive(host, OWNER, { ...NO_GUARD, lapsedFile: `${FILE}.lapsed` });
    const texts = {
      // A text that would take all conditions back, and one that says that it goes on.
      'db.service': `[Unit]\nConditionPathExists=\n${SLEEP}Environment=A=b \\`,
      'tick.timer': '[Timer]\nOnActiveSec=1w\n',
      'tick.service': SLEEP,
      'door.socket': '[Socket]\nListenStream=/run/door.sock\n',
      'door.service': SLEEP,
      'free.service': SLEEP,
    };
    const fenced = Object.keys(texts).filter((name) => name !== 'free.service');
    try {
      agent.assign(...Object.entries(texts).map(([name, text]) => unit(name, text, { fenced: fenced.includes(name) })));
      for (const name of Object.keys(texts)) await agent.reported(name, { launched: 1, activeState: 'active' });
      await say({ until: uptime() - 1_000, units: fenced });
      await start();
      for (const name of fenced) await ended(name);
      await host.sh(`test -e ${FILE}.lapsed; systemctl start ${Object.keys(texts).join(' ')}`);
      expect(await active('free.service')).toBe('active');
      for (const name of fenced) expect(await active(name)).toMatch(DOWN);
      // As an agent would that was frozen amid a start, of a systemd that hung.
      process.kill(host.pid(), 'SIGSTOP');
      const asked = host.sh('echo asked >/run/asks; systemctl start --no-block db.service');
      try {
        await eventually('it is asked', async () => expect(await host.sh('cat /run/asks')).toBe('asked\n'));
      } finally {
        process.kill(host.pid(), 'SIGCONT');
      }
      await asked;
      expect(await active('db.service')).toMatch(DOWN);
      await say({ units: fenced });
      await eventually('it may run', async () => expect((await host.run(`ls ${FILE}.lapsed`)).code).not.toBe(0));
      await host.sh(`systemctl start ${fenced.join(' ')}`);
      for (const name of fenced) expect(await active(name)).toBe('active');
      agent.assign();
      await eventually('nothing of them is left', async () =>
        expect(await host.sh('grep -ls terrane.dev/unit /run/systemd/system/* || true')).toBe(''),
      );
    } finally {
      await agent.close();
    }
  });
});
