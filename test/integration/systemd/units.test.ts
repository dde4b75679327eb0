import { spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { canRunSystemdHosts, startSystemdLab, type SystemdLab } from '../../support/systemd-host/lab.ts';
import type { SystemdHost } from '../../support/systemd-host/host.ts';
import { eventually } from '../../support/eventually.ts';
import { execScopes, scopeFamily } from '../../../agent/systemd/exec-scope.ts';
import { hostStreams } from '../../../agent/systemd/host-streams.ts';
import { type ExecFrame, execFrameReader } from '../../../core/node/exec-frames.ts';
import { drive, type DrivenHost, OWNER, service, SLEEP, unit } from './support.ts';

const suite = canRunSystemdHosts() ? describe : describe.skip;

suite('units on a host', () => {
  let lab: SystemdLab;
  let host: SystemdHost;
  const driven: DrivenHost[] = [];
  const agent = async (owner?: string, on = host) => {
    const one = await drive(on, owner);
    driven.push(one);
    return one;
  };
  const show = (name: string, property: string, on = host) => on.show(name, property);

  beforeAll(async () => {
    lab = await startSystemdLab();
    host = await lab.start('one');
  });
  afterEach(async () => {
    // A test's units go with it.
    const ours = driven.splice(0);
    const last = ours.at(-1);
    last?.assign();
    last?.lapse(undefined);
    try {
      await eventually('no unit file of ours is left', async () => {
        expect(await host.sh('grep -ls terrane.dev/unit /run/systemd/system/* || true')).toBe('');
      });
    } finally {
      for (const one of ours) await one.close();
    }
  });
  afterAll(() => lab?.stop());

  test('are started, and their states reported as they change', async () => {
    const { assign, reported } = await agent();
    assign(unit('web.service', SLEEP));
    const report = await reported('web.service', { launched: 1, activeState: 'active', subState: 'running' });
    expect(report).toMatchObject({ loadState: 'loaded', placement: 1, uid: 'uid-web.service', hash: unit('', SLEEP).hash });
    await host.sh('systemctl kill -s KILL web.service');
    await reported('web.service', { launched: 1, activeState: 'failed', subState: 'failed' });
  });

  test('get a new process with each rise of the generation, twenty in a row', async () => {
    const { assign, reported } = await agent();
    const seen = new Set<string>();
    for (let generation = 1; generation <= 21; generation++) {
      assign(unit('often.service', SLEEP, { generation }));
      await reported('often.service', { launched: generation, activeState: 'active' });
      seen.add(`${await show('often.service', 'MainPID')} ${await show('often.service', 'InvocationID')}`);
    }
    expect(seen.size).toBe(21);
    expect(await show('often.service', 'NRestarts')).toBe('0');
  });

  test('that come one after the other, as people start them, are none held up by those before', async () => {
    const { assign, reported } = await agent();
    const units = Array.from({ length: 12 }, (_, at) => unit(`soon-${at}.service`, SLEEP));
    for (const [at, { name }] of units.entries()) {
      assign(...units.slice(0, at + 1));
      await reported(name, { activeState: 'active' });
    }
  });

  test('that take longer to start are waited for', async () => {
    const { assign, reported } = await agent();
    assign(unit('slow.service', service('/bin/sleep infinity', 'ExecStartPre=/bin/sleep 2')));
    expect(await reported('slow.service', { activeState: 'activating' })).not.toHaveProperty('launched');
    await reported('slow.service', { launched: 1, activeState: 'active' });
  });

  test('that are to be loaded only do not run, and stop when that is wanted again', async () => {
    const { assign, reported } = await agent();
    const loaded = { desired: 'loaded' } as const;
    assign(unit('spare.service', SLEEP, loaded));
    expect(await reported('spare.service', { loadState: 'loaded', activeState: 'inactive' })).not.toHaveProperty('launched');
    assign(unit('spare.service', SLEEP, { generation: 2 }));
    await reported('spare.service', { launched: 2, activeState: 'active' });
    assign(unit('spare.service', SLEEP, { ...loaded, generation: 3 }));
    await reported('spare.service', { activeState: 'inactive', launched: undefined });
  });

  test('that are absent or not assigned any more are stopped, and nothing of them is left', async () => {
    const { assign, reported } = await agent();
    assign(unit('gone.service', SLEEP), unit('lost.service', SLEEP));
    await reported('gone.service', { activeState: 'active' });
    await reported('lost.service', { activeState: 'active' });
    assign(unit('gone.service', '', { desired: 'absent', generation: 0 }));
    await reported('gone.service', { gone: true, activeState: 'inactive' });
    for (const name of ['gone.service', 'lost.service']) {
      await eventually(`systemd knows no ${name}`, async () => expect(await show(name, 'LoadState')).toBe('not-found'));
    }
  });

  test('that are told to go and never stop by themselves are killed in the end, and an Event names them', async () => {
    const { assign, reported, lines } = await agent();
    const stubborn = service(
      `/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'`,
      'TimeoutStopSec=infinity',
      'ExecStop=/bin/sleep infinity',
      'Restart=always',
    );
    assign(unit('stay.service', stubborn));
    await reported('stay.service', { launched: 1, activeState: 'active' });
    assign(unit('stay.service', '', { desired: 'absent', generation: 0, stopSeconds: 2 }));
    await reported('stay.service', { gone: true });
    expect(lines.filter((line) => line.startsWith('event'))).toContain(
      'event UnitKilled Unit stay.service: it had not stopped after 2 s, and was killed',
    );
    expect(await show('stay.service', 'LoadState')).toBe('not-found');
  });

  test('run on while the agent is away, and are adopted by the next one without a restart', async () => {
    const first = await agent();
    const mine = unit('kept.service', SLEEP, { generation: 7 });
    first.assign(mine);
    await first.reported('kept.service', { launched: 7, activeState: 'active' });
    const before = await show('kept.service', 'InvocationID');
    await first.close();
    const second = await agent();
    second.assign(mine);
    await second.reported('kept.service', { launched: 7, activeState: 'active' });
    expect(await show('kept.service', 'InvocationID')).toBe(before);
  });

  test('are as many as may be: the bus lets fewer be asked about at once', async () => {
    const units = (generation: number, desired: 'launched' | 'loaded') =>
      Array.from({ length: 140 }, (_, at) => unit(`many-${at}.service`, SLEEP, { generation, desired }));
    const first = await agent();
    first.assign(...units(1, 'launched'));
    for (const { name } of units(1, 'launched')) await first.reported(name, { launched: 1, activeState: 'active' });
    await first.close();
    // The next one has to ask about all of them.
    const second = await agent();
    second.assign(...units(2, 'loaded'));
    for (const { name } of units(2, 'loaded')) await second.reported(name, { activeState: 'inactive' });
    for (const { lines } of [first, second]) expect(lines.filter((line) => line.includes("can't be looked after"))).toEqual([]);
  });

  test('a start that an agent was killed in is neither lost nor done twice', async () => {
    const memory = async (invocationBefore: string) => {
      const file = (await host.sh('ls /run/terrane/units-*.json')).trim();
      const launch = { uid: 'uid-cut.service', generation: 2, starting: true, invocationBefore };
      await host.sh(`cat >${file}`, { stdin: JSON.stringify({ 'cut.service': launch }) });
    };
    const first = await agent();
    first.assign(unit('cut.service', SLEEP));
    await first.reported('cut.service', { launched: 1, activeState: 'active' });
    const before = await show('cut.service', 'InvocationID');
    await first.close();

    await memory(before);
    const heardNothing = await agent();
    heardNothing.assign(unit('cut.service', SLEEP, { generation: 2 }));
    await heardNothing.reported('cut.service', { launched: 2, activeState: 'active' });
    const after = await show('cut.service', 'InvocationID');
    expect(after).not.toBe(before);
    await heardNothing.close();

    await memory(before);
    const heard = await agent();
    heard.assign(unit('cut.service', SLEEP, { generation: 2 }));
    await heard.reported('cut.service', { launched: 2, activeState: 'active' });
    expect(await show('cut.service', 'InvocationID')).toBe(after);
  });

  test("the host's own units, and another agent's, are never touched", async () => {
    await host.sh('mkdir -p /etc/systemd/system && cat >/etc/systemd/system/own.service', { stdin: SLEEP });
    await host.sh('cp /etc/systemd/system/own.service /run/systemd/system/by-hand.service');
    await host.sh('systemctl daemon-reload; systemctl start own by-hand');
    const before = await show('own.service', 'MainPID');
    const other = await agent('cluster-1/host-2');
    other.assign(unit('theirs.service', SLEEP));
    await other.reported('theirs.service', { activeState: 'active' });
    const { assign, reported } = await agent();
    assign(unit('../../../etc/systemd/system/escaped.service', SLEEP), unit('system.slice', '[Slice]\n', { desired: 'absent' }));
    assign(unit('own.service', service('/bin/sleep 1')), unit('dbus.service', SLEEP, { generation: 3 }));
    expect(await reported('own.service', { activeState: 'active' })).toMatchObject({
      error: "a unit of this name is the host's own (/etc/systemd/system/own.service): give yours another name",
    });
    await reported('dbus.service', { activeState: 'active' });
    assign(unit('mine.service', SLEEP));
    await reported('mine.service', { activeState: 'active' });
    expect(await show('own.service', 'MainPID')).toBe(before);
    expect(await host.sh('ls /etc/systemd/system')).not.toContain('escaped');
    for (const name of ['by-hand.service', 'theirs.service', 'dbus.service']) {
      expect(await show(name, 'ActiveState')).toBe('active');
    }
    other.assign();
    await eventually('the other one has gone', async () => expect(await show('theirs.service', 'LoadState')).toBe('not-found'));
    await host.sh('systemctl stop own by-hand; rm /run/systemd/system/by-hand.service /etc/systemd/system/own.service');
  });

  test("an administrator's drop-in counts, and is left where it is", async () => {
    await host.sh('mkdir -p /etc/systemd/system/tuned.service.d && cat >/etc/systemd/system/tuned.service.d/limit.conf', {
      stdin: '[Service]\nTasksMax=7\n',
    });
    const { assign, reported } = await agent();
    assign(unit('tuned.service', SLEEP));
    await reported('tuned.service', { activeState: 'active' });
    expect(await show('tuned.service', 'TasksMax')).toBe('7');
    assign();
    await eventually('it has gone', async () => expect(await show('tuned.service', 'ActiveState')).toBe('inactive'));
    await host.sh('rm -r /etc/systemd/system/tuned.service.d; systemctl daemon-reload');
  });

  const LIMITED = service('/bin/sleep infinity', 'CPUQuota=25%', 'MemoryMax=32M', 'TasksMax=9', 'IOWeight=200', 'CPUWeight=50');

  /** What the kernel holds small.service to, by the files of either version of cgroups. */
  const allowed = async (on: SystemdHost) => {
    const unified = (await on.sh('stat -fc %T /sys/fs/cgroup')) === 'cgroup2fs\n';
    const read = async (v1: string, v2: string) =>
      (
        await on.sh(
          `cat /sys/fs/cgroup/${unified ? '' : v1.split('/')[0]}/system.slice/small.service/${unified ? v2 : v1.split('/')[1]}`,
        )
      ).trim();
    const [quota, period = '100000'] = (await read('cpu/cpu.cfs_quota_us', 'cpu.max')).split(' ');
    return {
      memory: Number(await read('memory/memory.limit_in_bytes', 'memory.max')),
      pids: Number(await read('pids/pids.max', 'pids.max')),
      cpus: Number(quota) / Number(period),
    };
  };

  test('what a unit may use is what its cgroup allows', async () => {
    const { assign, reported } = await agent();
    assign(unit('small.service', LIMITED));
    await reported('small.service', { activeState: 'active' });
    expect(await allowed(host)).toEqual({ memory: 32 * 2 ** 20, pids: 9, cpus: 0.25 });
    expect(await show('small.service', 'IOWeight')).toBe('200');
  });

  test('a changed text takes the place of the old one, which is stopped as it says itself', async () => {
    const { assign, reported } = await agent();
    assign(unit('text.service', service('/bin/sleep infinity', 'ExecStop=/bin/sh -c "echo old >>/run/stopped"')));
    await reported('text.service', { launched: 1, activeState: 'active' });
    const next = unit('text.service', service('/bin/sleep 10000', 'ExecStop=/bin/sh -c "echo new >>/run/stopped"'), {
      generation: 2,
    });
    assign(next);
    await reported('text.service', { launched: 2, activeState: 'active', hash: next.hash });
    expect(await host.sh('cat /run/stopped')).toBe('old\n');
    expect(await host.sh('cat /proc/$(systemctl show -P MainPID text.service)/cmdline')).toContain('10000');
  });

  test('what does not start, or can not be loaded, says why', async () => {
    const { assign, reported } = await agent();
    assign(
      unit('false.service', service('/bin/false', 'Type=oneshot')),
      unit('missing.service', service('/no/such/program', 'Type=exec')),
      unit('ends.service', service('/bin/sh -c "sleep 0.2; exit 3"')),
      unit('empty.service', '[Service]\nType=simple\n'),
      unit('needy.service', `[Unit]\nRequires=nowhere.service\nAfter=nowhere.service\n${SLEEP}`),
    );
    const told = async (name: string, launched?: number) =>
      (await reported(name, launched === undefined ? {} : { launched })).error ?? '';
    expect(await told('false.service', 1)).toContain('failed to start (exit-code, exit status 1)');
    expect(await told('missing.service', 1)).toContain('exit status 203, its program is not there');
    const ended = await reported('ends.service', { activeState: 'failed' });
    expect(ended.error).toBe('it has failed (exit-code, exit status 3); its journal says more');
    await eventually('the empty one is refused', async () =>
      expect(await told('empty.service')).toMatch(/^systemd can't load it: /),
    );
    expect(await told('needy.service', 1)).toContain('nowhere.service');
  });

  test('what can be no unit on this host says so, holds up no other, and goes again', async () => {
    const { assign, reported } = await agent();
    const strange = unit('x.busname', `${SLEEP}[Install]\nWantedBy=multi-user.target\n`);
    assign(strange, unit('web.service', SLEEP));
    await reported('web.service', { launched: 1, activeState: 'active' });
    await eventually('it is refused', async () =>
      expect((await reported('x.busname', {})).error).toMatch(/^systemd can't load it: .*not valid/),
    );
    assign(unit('x.busname', '', { desired: 'absent', generation: 0 }), unit('web.service', SLEEP, { generation: 2 }));
    await reported('x.busname', { gone: true });
    await reported('web.service', { launched: 2, activeState: 'active' });
  });

  test('start and stop with the unit that they are installed into', async () => {
    const { assign, reported } = await agent();
    const sidekick = `[Unit]\nBindsTo=main.service\nAfter=main.service\n${SLEEP}[Install]\nWantedBy=main.service\n`;
    assign(unit('side.service', sidekick, { desired: 'loaded' }));
    await reported('side.service', { loadState: 'loaded', activeState: 'inactive' });
    assign(unit('side.service', sidekick, { desired: 'loaded' }), unit('main.service', SLEEP));
    await reported('side.service', { activeState: 'active' });
    assign(
      unit('side.service', sidekick, { desired: 'loaded' }),
      unit('main.service', SLEEP, { desired: 'loaded', generation: 2 }),
    );
    await reported('main.service', { activeState: 'inactive' });
    await reported('side.service', { activeState: 'inactive' });
  });

  test('instances of a template run side by side', async () => {
    const { assign, reported } = await agent();
    const text = service('/bin/sh -c "echo I am %i; exec sleep infinity"');
    assign(unit('box@1.service', text), unit('box@two-2.service', text));
    await reported('box@1.service', { activeState: 'active' });
    await reported('box@two-2.service', { activeState: 'active' });
    await eventually('it knows its name', async () =>
      expect(await host.sh('journalctl -o cat -u box@two-2.service')).toContain('I am two-2'),
    );
  });

  test('fenced ones stop when the lease lapses, killed if they must be, and start again with a new one', async () => {
    const { assign, lapse, reported } = await agent();
    const stubborn = service(`/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'`, 'TimeoutStopSec=300');
    assign(unit('fenced.service', stubborn, { fenced: true }), unit('free.service', SLEEP));
    await reported('fenced.service', { launched: 1, activeState: 'active' });
    await reported('free.service', { launched: 1, activeState: 'active' });
    const before = await show('free.service', 'InvocationID');
    lapse({ at: Date.now(), graceSeconds: 1 });
    await reported('fenced.service', { activeState: 'failed', launched: undefined });
    lapse(undefined);
    await reported('fenced.service', { launched: 1, activeState: 'active' });
    expect(await show('free.service', 'InvocationID')).toBe(before);
    // Its time for stopping is long over.
    lapse({ at: Date.now() - 5000, graceSeconds: 1 });
    await reported('fenced.service', { activeState: 'failed', launched: undefined });
  });

  test('a bus that goes away and comes back loses nothing', async () => {
    const { assign, reported, lines } = await agent();
    assign(unit('bus.service', SLEEP));
    await reported('bus.service', { launched: 1, activeState: 'active' });
    const before = await show('bus.service', 'InvocationID');
    await host.sh('systemctl restart dbus.service');
    await host.sh('systemctl kill -s KILL --kill-who=all bus.service');
    await reported('bus.service', { launched: 1, activeState: 'failed' });
    expect(lines.join('\n')).toContain('the connection to systemd was lost');
    assign(unit('bus.service', SLEEP, { generation: 2 }));
    await reported('bus.service', { launched: 2, activeState: 'active' });
    expect(await show('bus.service', 'InvocationID')).not.toBe(before);
  });

  test('fenced ones stop with the lease even when the bus hangs, or the disk is full', async () => {
    const { assign, lapse, reported } = await agent();
    assign(unit('hung.service', SLEEP, { fenced: true }));
    await reported('hung.service', { activeState: 'active' });
    const pid = await show('dbus.service', 'MainPID');
    // Where each agent of this host would write what it has started: those of the tests before, too.
    await host.sh(`for file in /run/terrane/*.json; do mkdir $file.new; done && kill -STOP ${pid}`);
    lapse({ at: Date.now(), graceSeconds: 1 });
    await eventually('it has been killed', async () => expect(await show('hung.service', 'ActiveState')).not.toBe('active'));
    await host.sh(`rmdir /run/terrane/*.new; kill -CONT ${pid}`);
    lapse(undefined);
    await reported('hung.service', { activeState: 'active' });
  });

  test('fenced ones have ended with the lease even when systemd itself hangs, and stay down when it goes on', async () => {
    const { assign, lapse, reported } = await agent();
    // Whatever a service may do to live on: it hears no TERM, leaves its session, asks to be started again at once, and has a slice of its own.
    const text = service(
      `/bin/sh -c 'echo one >>/run/starts; trap "" TERM; setsid sleep 4713 & while :; do sleep 1; done'`,
      'Restart=always',
      'RestartSec=0',
      'Slice=app-db.slice',
      'TimeoutStopSec=2',
    );
    assign(unit('db@1.service', text, { fenced: true }), unit('free.service', SLEEP));
    await reported('db@1.service', { launched: 1, activeState: 'active' });
    await reported('free.service', { launched: 1, activeState: 'active' });
    const processes = async () => (await host.run('pgrep -f "^sleep 4713|[e]cho one"')).stdout;
    expect(await processes()).toMatch(/\d+\n\d+/);
    process.kill(host.pid(), 'SIGSTOP');
    try {
      lapse({ at: Date.now(), graceSeconds: 1 });
      await eventually('all of its processes are gone', async () => expect(await processes()).toBe(''));
    } finally {
      process.kill(host.pid(), 'SIGCONT');
    }
    await reported('db@1.service', { launched: undefined });
    await eventually('it is down', async () => expect(await show('db@1.service', 'SubState')).toMatch(/^(dead|failed)$/));
    expect(await processes()).toBe('');
    expect(await show('free.service', 'ActiveState')).toBe('active');
    lapse(undefined);
    await reported('db@1.service', { launched: 1, activeState: 'active' });
  });

  test('fenced ones whose time is over are not started again by systemd, as Restart= asks for', async () => {
    const { assign, lapse, reported } = await agent();
    const text = service('/bin/sh -c "echo one >>/run/again; exec sleep infinity"', 'Restart=always', 'RestartSec=0');
    assign(unit('again.service', text, { fenced: true }), unit('again.timer', '[Timer]\nOnBootSec=1w\n', { fenced: true }));
    await reported('again.service', { launched: 1, activeState: 'active' });
    await reported('again.timer', { launched: 1, activeState: 'active' });
    await eventually('it has begun', async () => expect(await host.sh('cat /run/again')).toBe('one\n'));
    lapse({ at: Date.now() - 60_000, graceSeconds: 1 });
    await reported('again.timer', { activeState: 'inactive', launched: undefined });
    await eventually('it is down', async () => expect(await show('again.service', 'SubState')).toMatch(/^(dead|failed)$/));
    // At most once or twice more, if a busy bus is overtaken by the kill that needs none; not until systemd gives up on it, after five.
    expect(await host.sh('cat /run/again')).toMatch(/^(one\n){1,3}$/);
  });

  test("fenced ones stop with the lease even when there is no bus, and the host's own that took the place of one don't", async () => {
    const { assign, lapse, reported } = await agent();
    const fenced = ['fenced.service', 'taken.service'].map((name) => unit(name, SLEEP, { fenced: true }));
    assign(...fenced, unit('free.service', SLEEP));
    for (const name of ['fenced.service', 'free.service', 'taken.service'])
      await reported(name, { launched: 1, activeState: 'active' });
    await host.sh('cat >/etc/systemd/system/taken.service; systemctl daemon-reload; systemctl restart taken', { stdin: SLEEP });
    await eventually('it is known to be the host’s', async () =>
      expect((await reported('taken.service', { activeState: 'active' })).error).toContain("is the host's own"),
    );
    await host.sh('systemctl stop dbus.socket dbus.service');
    lapse({ at: Date.now(), graceSeconds: 1 });
    await eventually('it has stopped', async () => expect(await show('fenced.service', 'ActiveState')).not.toBe('active'));
    lapse({ at: Date.now() - 60_000, graceSeconds: 1 });
    await eventually('it has been forgotten', async () => {
      expect(await host.sh('cat /run/terrane/units-*.json')).not.toContain('"fenced.service"');
    });
    for (const name of ['free.service', 'taken.service']) expect(await show(name, 'ActiveState')).toBe('active');
    await host.sh('rm /etc/systemd/system/taken.service; systemctl start dbus.socket dbus.service; systemctl daemon-reload');
    lapse(undefined);
    await reported('fenced.service', { launched: 1, activeState: 'active' });
  });

  test('after a reboot they start again from what was assigned', async () => {
    const first = await agent();
    first.assign(unit('again.service', SLEEP, { generation: 4 }));
    await first.reported('again.service', { launched: 4, activeState: 'active' });
    await first.close();
    await host.reboot();
    expect(await host.sh('ls /run/systemd/system')).not.toContain('again.service');
    const second = await agent();
    second.assign(unit('again.service', SLEEP, { generation: 4 }));
    await second.reported('again.service', { launched: 4, activeState: 'active' });
  });

  test('their journal can be read and followed, and commands run beside them', async () => {
    const { assign, reported } = await agent();
    assign(unit('talk.service', service('/bin/sh -c "echo one; echo two; sleep 1; echo three; exec sleep infinity"')));
    await reported('talk.service', { activeState: 'active' });
    const streams = hostStreams({ owner: OWNER, assigned: (name) => name === 'talk.service', prefix: host.command });
    const stop = new AbortController();
    let heard = '';
    for await (const bytes of await streams.journal(
      { kind: 'journal', unit: 'talk.service', follow: true, output: 'cat' },
      stop.signal,
    )) {
      heard += Buffer.from(bytes).toString();
      if (heard.includes('three')) stop.abort();
    }
    // systemd's own lines may come in between.
    expect(heard.replace(/^.*talk\.service.*\n/gm, '')).toContain('one\ntwo\nthree\n');
    const none = new AbortController().signal;
    await expect(streams.journal({ kind: 'journal', unit: 'other.service' }, none)).rejects.toThrow('is not on this host');

    const run = async (command: readonly string[], timeoutSeconds = 60) => {
      const frames: ExecFrame[] = [];
      const read = execFrameReader();
      for await (const bytes of await streams.exec({ kind: 'exec', unit: 'talk.service', command, timeoutSeconds }, none)) {
        frames.push(...read(bytes));
      }
      return frames.map((frame) =>
        frame.channel === 'end' ? frame.end : `${frame.channel}: ${Buffer.from(frame.bytes).toString()}`,
      );
    };
    expect(await run(['sh', '-c', 'echo out; sleep 0.2; echo err >&2; exit 3'])).toEqual([
      'stdout: out\n',
      'stderr: err\n',
      { exitCode: 3 },
    ]);
    expect(await run(['sh', '-c', 'cat /proc/self/cgroup'])).toEqual([
      expect.stringMatching(/system.slice\/terrane-exec-.*scope/),
      { exitCode: 0 },
    ]);
    expect(await run(['sleep', '60'], 0.5)).toEqual([expect.objectContaining({ exitCode: 124 })]);
    // A command may have a password in it.
    const logged = (await host.run('journalctl --sync; journalctl --no-pager --quiet --output=cat')).stdout;
    expect(logged).toContain('terrane-exec-');
    expect(logged).not.toMatch(/echo out|proc.self.cgroup/);
  });

  test('what a command has started ends with it, also what has left its session and lets nobody know', async () => {
    const { assign, reported } = await agent();
    assign(unit('talk.service', SLEEP));
    await reported('talk.service', { activeState: 'active' });
    const streams = () => hostStreams({ owner: OWNER, assigned: () => true, prefix: host.command });
    const never = new AbortController().signal;
    const exec = (script: string, { timeoutSeconds = 60, signal = never } = {}) =>
      streams().exec({ kind: 'exec', unit: 'talk.service', command: ['sh', '-c', script], timeoutSeconds }, signal);
    const left = async () =>
      (await host.run('pgrep -f "^sleep 4711"; systemctl list-units --plain --no-legend "terrane-exec-*"')).stdout;
    const gone = () => eventually('nothing of it is left', async () => expect(await left()).toBe(''));
    const away = `setsid sh -c 'trap "" HUP; exec sleep 4711' >/dev/null 2>&1 </dev/null &`;
    const begun = () => eventually('it runs', async () => expect(await left()).toMatch(/^[0-9]+\n[^]*scope/));
    const drain = async (body: AsyncIterable<Uint8Array>) => {
      for await (const _ of body);
    };
    // Ends by itself.
    await drain(await exec(`${away} sleep 0.3`));
    await gone();
    // Its time is over.
    await drain(await exec(`${away} sleep 4711`, { timeoutSeconds: 1 }));
    await gone();
    // Who asked for it has gone.
    const cut = new AbortController();
    const asked = drain(await exec(`${away} sleep 4711`, { signal: cut.signal })).catch(() => {});
    await begun();
    cut.abort();
    await asked;
    await gone();
    // Its agent was killed, and another one has come.
    await host.sh(`systemd-run --quiet --scope --unit=${scopeFamily(OWNER)}left.scope sh -c 'sleep 4711 &'`);
    await begun();
    streams();
    await gone();
  });

  test('what a command has started ends in time though no agent is there any more', async () => {
    const newScope = execScopes({ owner: OWNER, graceMs: 1_000, prefix: host.command });
    const scope = await newScope();
    const [program = '', ...rest] = [...host.command, ...scope.words(['sh', '-c', 'setsid sleep 4714 & sleep 4714'], 2_000)];
    const child = spawn(program, rest, { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await ended;
    await eventually('nothing of it is left', async () =>
      expect((await host.run('pgrep -f "^sleep 4714"; systemctl list-units --plain --no-legend "terrane-exec-*"')).stdout).toBe(
        '',
      ),
    );
  });

  /** As on a machine that was booted with systemd.unified_cgroup_hierarchy=1, which is what systemd's own default is. */
  describe('whose only hierarchy of cgroups is that of version 2', () => {
    let other: SystemdHost;
    beforeAll(async () => {
      other = await lab.start('two', { unified: true });
      expect(await other.sh('stat -fc %T /sys/fs/cgroup; docker info -f "{{.CgroupVersion}}"')).toBe('cgroup2fs\n2\n');
    });

    test('run, restart and stop there; fenced ones are killed with all that they have started', async () => {
      const { assign, lapse, reported } = await agent(OWNER, other);
      const stubborn = service(`/bin/sh -c 'trap "" TERM; setsid sleep 4712 & while :; do sleep 1; done'`, 'TimeoutStopSec=300');
      assign(unit('web.service', SLEEP), unit('fenced.service', stubborn, { fenced: true }));
      await reported('fenced.service', { launched: 1, activeState: 'active' });
      await reported('web.service', { launched: 1, activeState: 'active' });
      const before = await show('web.service', 'InvocationID', other);
      assign(unit('web.service', SLEEP, { generation: 2 }), unit('fenced.service', stubborn, { fenced: true }));
      await reported('web.service', { launched: 2, activeState: 'active' });
      expect(await show('web.service', 'InvocationID', other)).not.toBe(before);
      expect(await other.sh('cat /proc/$(pgrep -f "^sleep 4712")/cgroup')).toContain('0::/system.slice/fenced.service\n');
      lapse({ at: Date.now(), graceSeconds: 1 });
      await reported('fenced.service', { activeState: 'failed', launched: undefined });
      expect((await other.run('pgrep -f "^sleep 4712"')).stdout).toBe('');
      assign();
      await eventually('nothing of them is left', async () =>
        expect(await other.sh('grep -ls terrane.dev/unit /run/systemd/system/* || true')).toBe(''),
      );
    });

    test('commands beside them end with all that they have started', async () => {
      const streams = hostStreams({ owner: OWNER, assigned: () => true, prefix: other.command });
      const command = ['sh', '-c', 'setsid sleep 4711 >/dev/null 2>&1 </dev/null & cat /proc/self/cgroup; sleep 0.3'];
      const request = { kind: 'exec', unit: 'web.service', command, timeoutSeconds: 60 } as const;
      const read = execFrameReader();
      let said = '';
      for await (const bytes of await streams.exec(request, new AbortController().signal))
        for (const frame of read(bytes)) if (frame.channel === 'stdout') said += Buffer.from(frame.bytes).toString();
      expect(said).toMatch(/^0::\/system.slice\/terrane-exec-.*scope$/m);
      await eventually('it has ended', async () => expect((await other.run('pgrep -f "^sleep 4711"')).stdout).toBe(''));
    });

    test('may use what their cgroup allows', async () => {
      const controllers = (await other.sh('cat /sys/fs/cgroup/cgroup.controllers')).trim().split(' ');
      const missing = ['cpu', 'memory', 'pids', 'io'].filter((name) => !controllers.includes(name));
      if (missing.length > 0) {
        console.warn(
          `skipped the limits of units under cgroups v2: this kernel gives a controller to one version at a time, and ${missing.join(', ')} belong(s) to ` +
            'hierarchies of v1 which this machine itself uses (/proc/cgroups). Boot it with systemd.unified_cgroup_hierarchy=1 to have this run.',
        );
        return;
      }
      const { assign, reported } = await agent(OWNER, other);
      assign(unit('small.service', LIMITED));
      await reported('small.service', { activeState: 'active' });
      expect(await allowed(other)).toEqual({ memory: 32 * 2 ** 20, pids: 9, cpus: 0.25 });
      assign();
    });
  });

  test('files say whose they are', async () => {
    const { assign, reported } = await agent();
    assign(unit('marked.service', SLEEP));
    await reported('marked.service', { activeState: 'active' });
    expect(await host.sh('head -1 /run/systemd/system/marked.service')).toContain(`owner=${OWNER} uid=uid-marked.service`);
  });
});
