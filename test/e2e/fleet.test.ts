import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parseUnitFile } from '../../core/fleet/unit-file.ts';
import { eventually } from '../support/eventually.ts';
import { canRunSystemdHosts } from '../support/systemd-host/lab.ts';
import { type Fleet, fleetOf } from './support/fleet.ts';
import { type FleetctlCommands, likeFleetctl, realFleetctl } from './support/fleetctl.ts';
import { GIVEN_UP_SECONDS, type HostsInstallation, startHosts } from './support/hosts.ts';
import { clockUnit, gapsBetween, runsOn } from './support/runs.ts';

/** The scenarios of fleet's own functional tests, on three hosts that were installed by install.sh. */

// A limit on hanging, longer than all that is waited for within.
jest.setTimeout(300_000);

const NAMES = ['blue', 'green', 'red'];
const SLEEP = '[Service]\nExecStart=/bin/sleep infinity\n';
const fleetUnit = (...options: string[]) => `${SLEEP}[X-Fleet]\n${options.join('\n')}\n`;

/** Stock fleetctl 1.0 for those who have built it; what it asks for is played in any case. */
const FLEETCTL = process.env['TERRANE_FLEETCTL'];

(canRunSystemdHosts() ? describe : describe.skip)('units on three hosts', () => {
  let all: HostsInstallation;
  let fleet: Fleet;
  let slowStartedAt = 0;

  beforeAll(async () => {
    all = await startHosts(...NAMES);
    fleet = await fleetOf(all);
    // Looked at in the end: nobody has to wait for it.
    await fleet.put('slow.service', 'launched', `${SLEEP}ExecStartPre=/bin/sleep 20\n`);
    slowStartedAt = Date.now();
  });
  afterEach(async () => {
    const left = (await fleet.units()).map(({ name }) => name).filter((name) => name !== 'slow.service');
    if (left.length > 0) await fleet.destroy(...left);
  });
  afterAll(() => all?.stop());

  test('a unit goes from inactive to loaded to launched and back, and what was submitted is what is read', async () => {
    const text = '[Unit]\nDescription=flow\n[Service]\nExecStart=/bin/sleep infinity\n';
    await fleet.put('flow.service', 'inactive', text);
    const [unit] = (await fleet.units()).filter(({ name }) => name === 'flow.service');
    expect(unit).toMatchObject({ desiredState: 'inactive', currentState: 'inactive' });
    expect(unit!.options).toEqual([
      { section: 'Unit', name: 'Description', value: 'flow' },
      { section: 'Service', name: 'ExecStart', value: '/bin/sleep infinity' },
    ]);
    const states = async (sub: string) =>
      eventually(`it is ${sub}`, async () => {
        const found = (await fleet.states()).find(({ name }) => name === 'flow.service');
        expect(found).toMatchObject({ systemdLoadState: 'loaded', systemdSubState: sub });
      });
    await fleet.put('flow.service', 'loaded');
    await states('dead');
    await fleet.put('flow.service', 'launched');
    await states('running');
    await fleet.put('flow.service', 'loaded');
    await states('dead');
    await fleet.put('flow.service', 'inactive');
    await eventually('its host has forgotten it', async () =>
      expect((await fleet.states()).filter(({ name }) => name === 'flow.service')).toEqual([]),
    );
  });

  test('twenty restarts give twenty new processes', async () => {
    await fleet.put('often.service', 'launched', SLEEP);
    const [where] = await fleet.active('often.service');
    const host = all.host(where!);
    const invocation = () => host.show('often.service', 'InvocationID');
    const seen = new Set([`${await invocation()} ${await host.show('often.service', 'MainPID')}`]);
    for (let restart = 1; restart <= 20; restart++) {
      const before = await invocation();
      // As fleetctl does it, but without waiting in between: not even then is one lost.
      await fleet.put('often.service', 'loaded');
      await fleet.put('often.service', 'launched');
      await eventually('it is another process', async () => {
        const now = await invocation();
        expect(now).not.toBe(before);
        expect(await host.show('often.service', 'ActiveState')).toBe('active');
        expect((await fleet.units()).find(({ name }) => name === 'often.service')?.currentState).toBe('launched');
      });
      seen.add(`${await invocation()} ${await host.show('often.service', 'MainPID')}`);
    }
    expect(seen.size).toBe(21);
  });

  test('MachineOf: pairs share a machine', async () => {
    const pairs = ['1', '2', '3'];
    for (const one of pairs) {
      await fleet.put(`pong@${one}.service`, 'launched', fleetUnit(`MachineOf=ping@${one}.service`));
      await fleet.put(`ping@${one}.service`, 'launched', fleetUnit('Conflicts=ping@*.service'));
    }
    const ping = await fleet.active(...pairs.map((one) => `ping@${one}.service`));
    expect(await fleet.active(...pairs.map((one) => `pong@${one}.service`))).toEqual(ping);
    expect(ping.toSorted()).toEqual(NAMES);
  });

  test('Conflicts: of five that exclude each other three run, on three machines; the others wait until there is room', async () => {
    for (const one of [0, 1, 2, 3, 4])
      await fleet.put(`alone.${one}.service`, 'launched', fleetUnit('Conflicts=alone.*.service'));
    const states = await fleet.activeStates(/^alone\./, 3);
    expect(new Set(states.map(({ machineID }) => machineID)).size).toBe(3);
    await fleet.destroy(states[0]!.name);
    const next = await fleet.activeStates(/^alone\./, 3);
    expect(new Set(next.map(({ machineID }) => machineID)).size).toBe(3);
  });

  test('Conflicts, one-way and with several patterns: blocked until what it does not stand is gone', async () => {
    for (const [at, name] of NAMES.entries()) {
      await fleet.put(`noise.${name}.service`, 'launched', fleetUnit(`MachineID=${(await fleet.machines()).get(NAMES[at]!)!}`));
    }
    await fleet.activeStates(/^noise\./, 3);
    await fleet.put(
      'hello.service',
      'launched',
      fleetUnit('Conflicts=other.service noise.blue.service', 'Conflicts=noise.green.service noise.red.service'),
    );
    await eventually('it is said why it waits', async () => {
      const { stdout } = await all.terrane(['get', 'units', 'hello.service', '--output', 'json']);
      expect(stdout).toMatch(/conflict/i);
    });
    expect((await fleet.states()).filter(({ name }) => name === 'hello.service')).toEqual([]);
    await fleet.destroy('noise.green.service');
    expect(await fleet.active('hello.service')).toEqual(['green']);
  });

  test('Replaces: it takes the place of one, which moves', async () => {
    await fleet.put('first.service', 'launched', SLEEP);
    const [where] = await fleet.active('first.service');
    await fleet.put('kick.service', 'launched', fleetUnit('Replaces=first.service'));
    expect(await fleet.active('kick.service')).toEqual([where]);
    await eventually('the other has moved', async () => expect(await fleet.active('first.service')).not.toEqual([where]));
  });

  test('Replaces, of each other: of two that may be on one machine only the first runs, undisturbed', async () => {
    const blue = (await fleet.machines()).get('blue')!;
    expect((await fleet.request('PATCH', 'machines', [{ op: 'add', path: `/${blue}/metadata/ring`, value: 'yes' }])).status).toBe(
      204,
    );
    await fleet.put('ring.0.service', 'launched', fleetUnit('Replaces=ring.1.service', 'MachineMetadata=ring=yes'));
    expect(await fleet.active('ring.0.service')).toEqual(['blue']);
    const before = await all.host('blue').show('ring.0.service', 'InvocationID');
    await fleet.put('ring.1.service', 'launched', fleetUnit('Replaces=ring.0.service', 'MachineMetadata=ring=yes'));
    await eventually('it is said why it waits', async () =>
      expect((await all.terrane(['unit', 'status', 'ring.1'])).stdout).toMatch(/Why: .*0\/3 nodes are available/),
    );
    expect((await fleet.activeStates(/^ring\./, 1)).map(({ name }) => name)).toEqual(['ring.0.service']);
    expect(await all.host('blue').show('ring.0.service', 'InvocationID')).toBe(before);
  });

  const fleetctls: (readonly [who: string, fleetctl: () => Promise<FleetctlCommands>])[] = [
    ['as fleetctl asks for it', () => Promise.resolve(likeFleetctl(fleet))],
  ];
  if (FLEETCTL !== undefined) fleetctls.push([FLEETCTL, () => realFleetctl(FLEETCTL, fleet.endpoint)]);
  describe.each(fleetctls)('%s', (_, open) => {
    let fleetctl: FleetctlCommands;
    beforeAll(async () => {
      fleetctl = await open();
    });
    afterAll(() => fleetctl?.close());

    test('nine instances are submitted, six of them loaded, three started, all destroyed, and all of it again', async () => {
      const text = `${SLEEP}[X-Fleet]\nMachineMetadata=kubernetes.io/os=linux\n`;
      await fleetctl.file('many@.service', text);
      const listed = async () => (await fleetctl.listUnitFiles()).filter((each) => each.startsWith('many@'));
      for (const [submitted, loaded, started] of [
        [9, 6, 3],
        [3, 2, 1],
      ] as const) {
        const names = Array.from({ length: submitted }, (_each, at) => `many@${at + 1}.service`);
        const are = (launched: number, some: number) =>
          names.map((name, at) => `${name} ${at < launched ? 'launched' : at < some ? 'loaded' : 'inactive'}`);
        await fleetctl.submit(names);
        expect(await listed()).toEqual(are(0, 0));
        expect(await fleetctl.cat(names.at(-1)!)).toEqual(parseUnitFile(text));
        await fleetctl.load(names.slice(0, loaded));
        expect(await listed()).toEqual(are(0, loaded));
        const running = names.slice(0, started);
        await fleetctl.start(running);
        expect(await listed()).toEqual(are(started, loaded));
        const at = await fleet.active(...running);
        for (const [index, name] of running.entries()) expect(await all.host(at[index]!).show(name, 'SubState')).toBe('running');
        await fleetctl.destroy(names);
        expect(await listed()).toEqual([]);
      }
    });

    test('a unit is replaced when told to, restarted, stopped and unloaded; without waiting, too', async () => {
      const [old, new_] = [10_001, 10_002].map((seconds) => `[Service]\nExecStart=/bin/sleep ${seconds}\n`);
      await fleetctl.file('swap.service', old!);
      await fleetctl.start(['swap.service']);
      await fleetctl.file('swap.service', new_!);
      await fleetctl.start(['swap.service']);
      expect(await fleetctl.cat('swap.service')).toEqual(parseUnitFile(old!));
      await fleetctl.start(['swap.service'], { replace: true });
      expect(await fleetctl.cat('swap.service')).toEqual(parseUnitFile(new_!));
      const invocation = async () => {
        const [where] = await fleet.active('swap.service');
        return all.host(where!).show('swap.service', 'InvocationID');
      };
      const [where] = await fleet.active('swap.service');
      expect(await all.host(where!).sh('cat /proc/$(systemctl show -P MainPID swap.service)/cmdline')).toContain('10002');
      const before = await invocation();
      await fleetctl.restart(['swap.service']);
      expect(await invocation()).not.toBe(before);
      await fleetctl.stop(['swap.service']);
      expect(await all.host(where!).show('swap.service', 'ActiveState')).toBe('inactive');
      await fleetctl.unload(['swap.service']);
      expect(await fleetctl.listUnitFiles()).toContain('swap.service inactive');
      await fleetctl.start(['swap.service'], { noBlock: true });
      await fleet.active('swap.service');
    });
  });

  test('MachineID and MachineMetadata: each lands where it says, and one that fits nowhere never starts, with a reason', async () => {
    const machines = await fleet.machines();
    expect([...machines.keys()].toSorted()).toEqual(NAMES);
    const operations = [...machines].map(([name, id]) => ({
      op: 'add',
      path: `/${id}/metadata/hostname`,
      value: { value: name },
    }));
    expect((await fleet.request('PATCH', 'machines', operations)).status).toBe(204);
    for (const name of NAMES) {
      await fleet.put(`pin.${name}.service`, 'launched', fleetUnit(`MachineID=${machines.get(name)!}`));
      await fleet.put(`meta@${name}.service`, 'launched', fleetUnit('MachineMetadata=hostname=%i'));
    }
    await fleet.put('meta@nowhere.service', 'launched', fleetUnit('MachineMetadata=hostname=%i'));
    expect(await fleet.active(...NAMES.map((name) => `pin.${name}.service`))).toEqual(NAMES);
    expect(await fleet.active(...NAMES.map((name) => `meta@${name}.service`))).toEqual(NAMES);
    const nowhere = (await fleet.units()).find(({ name }) => name === 'meta@nowhere.service');
    expect(nowhere).toMatchObject({ desiredState: 'launched', currentState: 'inactive' });
  });

  test('Global: on every machine, again after a restart; one that conflicts with it does not run', async () => {
    await fleet.put('everywhere.service', 'launched', fleetUnit('Global=true'));
    await fleet.activeStates(/^everywhere/, 3);
    const invocations = () => Promise.all(NAMES.map((name) => all.host(name).show('everywhere.service', 'InvocationID')));
    const before = await invocations();
    await fleet.put('everywhere.service', 'loaded');
    await fleet.put('everywhere.service', 'launched');
    await eventually('each is another process', async () => {
      for (const [at, id] of (await invocations()).entries()) expect([before[at], '']).not.toContain(id);
    });
    await fleet.activeStates(/^everywhere/, 3);
    await fleet.put('rival.service', 'launched', fleetUnit('Global=true', 'Conflicts=everywhere.service'));
    await fleet.activeStates(/^everywhere/, 3);
    expect((await fleet.states()).filter(({ name }) => name === 'rival.service')).toEqual([]);
  });

  test('Install: a sidekick starts and stops with the unit that it is wanted by', async () => {
    const sidekick = `[Unit]\nBindsTo=main.service\nAfter=main.service\n${SLEEP}[Install]\nWantedBy=main.service\n[X-Fleet]\nMachineOf=main.service\n`;
    await fleet.put('main.service', 'loaded', SLEEP);
    await fleet.put('side.service', 'loaded', sidekick);
    await eventually('both are loaded', async () =>
      expect((await fleet.states()).filter(({ name }) => /^(main|side)\./.test(name))).toHaveLength(2),
    );
    await fleet.put('main.service', 'launched');
    const [where, beside] = await fleet.active('main.service', 'side.service');
    expect(beside).toBe(where);
    await fleet.put('main.service', 'loaded');
    await eventually('both have stopped', async () => {
      for (const name of ['main.service', 'side.service'])
        expect(await all.host(where!).show(name, 'ActiveState')).toBe('inactive');
    });
  });

  test('cut off: what is fenced stops before it could start elsewhere, all else runs on, and nothing else moves', async () => {
    const machines = await fleet.machines();
    await fleet.put('everywhere.service', 'launched', fleetUnit('Global=true'));
    await fleet.put('free.service', 'launched', fleetUnit(`MachineID=${machines.get('red')!}`, 'Fenced=false'));
    await fleet.put('fenced.service', 'launched', fleetUnit(`MachineID=${machines.get('red')!}`));
    await fleet.put('spare.service', 'loaded', fleetUnit(`MachineID=${machines.get('red')!}`));
    await fleet.active('free.service', 'fenced.service');
    await fleet.activeStates(/^everywhere/, 3);
    const red = all.host('red');
    const running = () => Promise.all(['everywhere.service', 'free.service'].map((name) => red.show(name, 'InvocationID')));
    const before = await running();
    all.lab.cutOff(red);
    await eventually('the fenced one has stopped', async () =>
      expect(await red.show('fenced.service', 'ActiveState')).toBe('inactive'),
    );
    expect(await running()).toEqual(before);
    all.lab.reconnect(red);
    await eventually('it runs again', async () => expect(await red.show('fenced.service', 'ActiveState')).toBe('active'));
    expect(await running()).toEqual(before);
    expect(await red.show('spare.service', 'ActiveState')).toBe('inactive');
  });

  describe('by the times that its own processes write down, a unit never runs on two hosts, though one is cut off and comes back', () => {
    const file = '/var/tmp/runs';
    const runs = () => NAMES.flatMap((name) => runsOn(all.host(name), file));
    // For a machine that stands still for some seconds: that it runs is what a lease assumes (decision 6).
    beforeAll(() => all.giveUpAfter(20));
    afterAll(() => all.giveUpAfter(GIVEN_UP_SECONDS));

    const moments: [when: string, isNow: (cutOff: string) => Promise<boolean>][] = [
      ['as soon as another one runs it', (cutOff) => Promise.resolve(runs().some(({ host }) => host !== cutOff))],
      ['just when it is given up', async (cutOff) => !(await fleet.machines()).has(cutOff)],
    ];
    test.each(moments)('%s', async (_when, isNow) => {
      for (const name of NAMES) await all.host(name).sh(`rm -f ${file}`);
      await fleet.put('clock.service', 'launched', clockUnit(file));
      const [first] = await fleet.active('clock.service');
      all.lab.cutOff(all.host(first!));
      const waited = { timeoutMs: 60_000, everyMs: 20 };
      await eventually('it is time to come back', async () => expect(await isNow(first!)).toBe(true), waited);
      all.lab.reconnect(all.host(first!));
      await all.ready(...NAMES);
      const [last] = await fleet.active('clock.service');
      await eventually('each has heard where it belongs', async () => {
        for (const name of NAMES)
          expect(await all.host(name).show('clock.service', 'LoadState')).toBe(name === last ? 'loaded' : 'not-found');
      });
      const ran = runs();
      const gaps = gapsBetween(ran);
      expect(ran.some(({ host }) => host === first)).toBe(true);
      expect(gaps).toHaveLength(first === last ? 0 : 1);
      for (const gap of gaps)
        console.log(`units: ${gap.toFixed(1)} s between the last process on ${first} and the first on ${last}, duplicate time 0`);
    });
  });

  test('a host without power: its units move to one that may have them, pairs together, and the others stay', async () => {
    await fleet.put('one.service', 'launched', fleetUnit('Conflicts=two.service'));
    await fleet.put('two.service', 'launched', fleetUnit('Conflicts=one.service'));
    await fleet.put('friend.service', 'launched', fleetUnit('MachineOf=one.service'));
    const [one, two] = await fleet.active('one.service', 'two.service', 'friend.service');
    const stays = all.host(two!);
    const before = await stays.show('two.service', 'InvocationID');
    await all.host(one!).powerOff();
    const free = NAMES.find((name) => name !== one && name !== two)!;
    await eventually(
      'they have moved',
      async () => expect(await fleet.active('one.service', 'friend.service')).toEqual([free, free]),
      {
        timeoutMs: 60_000,
      },
    );
    expect(await stays.show('two.service', 'InvocationID')).toBe(before);
    await all.host(one!).powerOn();
    await all.ready(...NAMES);
    expect(await fleet.active('one.service', 'two.service', 'friend.service')).toEqual([free, two, free]);
    for (const unit of ['one.service', 'friend.service']) expect(await all.host(one!).show(unit, 'ActiveState')).toBe('inactive');
  });

  test('a host that is drained: its unit ends there before it starts elsewhere, and comes back for none', async () => {
    await fleet.put('guest.service', 'launched', SLEEP);
    await fleet.put('everywhere.service', 'launched', fleetUnit('Global=true'));
    const [first] = await fleet.active('guest.service');
    await fleet.activeStates(/^everywhere/, 3);
    const drained = await all.terrane(['node', 'drain', first!, '--timeout', '2m']);
    expect(drained).toMatchObject({ code: 0, stdout: expect.stringContaining('1 units moved') });
    const [second] = await fleet.active('guest.service');
    expect(second).not.toBe(first);
    await eventually('nothing of it is left there', async () =>
      expect(await all.host(first!).show('guest.service', 'LoadState')).toBe('not-found'),
    );
    expect(await all.host(first!).show('everywhere.service', 'ActiveState')).toBe('active');
    expect((await all.terrane(['node', 'uncordon', first!])).code).toBe(0);
    expect(await fleet.active('guest.service')).toEqual([second]);
  });

  test('the command line starts a unit, shows what it wrote, and runs a command beside it, without SSH', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'terrane-unit-'));
    const file = join(directory, 'hello.service');
    await writeFile(file, '[Service]\nExecStart=/bin/sh -c "echo Hello from $$; exec sleep infinity"\n');
    const unit = async (...args: string[]) => {
      const { code, stdout, stderr } = await all.terrane(['unit', ...args]);
      if (code !== 0) throw new Error(`${args.join(' ')}: ${stdout}${stderr}`);
      return stdout;
    };
    const [, where] = /launched on (\w+)/.exec(await unit('start', file)) ?? [];
    await eventually('its journal has what it wrote', async () => expect(await unit('journal', 'hello')).toContain('Hello from'));
    expect(await unit('status', 'hello')).toMatch(new RegExp(`${where} +loaded +active +running`));
    expect((await unit('exec', 'hello', 'hostname')).trim()).toBe(where);
    const failed = await all.terrane(['unit', 'exec', 'hello', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(failed).toMatchObject({ code: 7, stdout: 'out\n', stderr: expect.stringContaining('err\n') });
    const pid = () => all.host(where!).show('hello.service', 'MainPID');
    const before = await pid();
    await unit('restart', 'hello');
    expect(await pid()).not.toBe(before);
    await unit('destroy', 'hello');
    await rm(directory, { recursive: true });
  });

  test('a reboot leaves each unit running once', async () => {
    for (const name of NAMES) await fleet.put(`x.${name}.service`, 'launched', fleetUnit('Conflicts=x.*.service'));
    await fleet.activeStates(/^x\./, 3);
    await all.host('green').reboot();
    await all.ready(...NAMES);
    const states = await fleet.activeStates(/^x\./, 3);
    expect(new Set(states.map(({ machineID }) => machineID)).size).toBe(3);
    await eventually('three run, each once', async () => {
      const list = 'systemctl list-units --no-legend --plain --state=active "x.*"';
      const lists = await Promise.all(NAMES.map((name) => all.host(name).sh(list)));
      expect(lists.map((text) => text.trim().split('\n').length)).toEqual([1, 1, 1]);
      expect(
        lists
          .join('')
          .match(/^x\.\w+/gm)
          ?.toSorted(),
      ).toEqual(NAMES.map((name) => `x.${name}`));
    });
  });

  test('a unit that takes twenty seconds to start has been given them', async () => {
    const [where] = await fleet.active('slow.service');
    expect(await all.host(where!).show('slow.service', 'Result')).toBe('success');
    expect(Date.now() - slowStartedAt).toBeGreaterThan(20_000);
  });

  test('a host that is removed stops its units, and nothing of them is shown any more', async () => {
    const id = (await fleet.machines()).get('red')!;
    await fleet.put('pinned.service', 'launched', fleetUnit(`MachineID=${id}`));
    await fleet.active('pinned.service');
    const { code, stderr } = await all.terrane(['node', 'remove', 'red', '--yes']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await eventually('it has stopped there', async () =>
      expect(await all.host('red').show('pinned.service', 'LoadState')).toBe('not-found'),
    );
    await eventually('nobody speaks of it', async () => {
      expect((await fleet.states()).filter(({ name }) => name === 'pinned.service')).toEqual([]);
    });
    expect((await fleet.machines()).has('red')).toBe(false);
  });
});
