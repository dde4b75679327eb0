import { beforeEach, describe, expect, test } from '@jest/globals';
import { FleetWorld } from './testing/fleet-world.ts';
import { Fleetctl } from './testing/fleetctl.ts';

const HELLO = '[Unit]\nDescription=Hello\n\n[Service]\nExecStart=/bin/sh -c "while true; do echo Hello; sleep 1; done"\n';
const withFleet = (text: string) => `${HELLO}\n[X-Fleet]\n${text}\n`;

let world: FleetWorld;
let fleetctl: Fleetctl;

beforeEach(async () => {
  world = await FleetWorld.start(['n1', 'n2', 'n3']);
  fleetctl = clientOf(world);
  fleetctl.files.set('hello.service', HELLO);
});

function clientOf(of: FleetWorld): Fleetctl {
  return new Fleetctl({ request: (...args) => of.request(...args), wait: of.wait });
}

const states = async () =>
  Object.fromEntries((await fleetctl.listUnitFiles()).map(({ name, currentState }) => [name, currentState]));

describe('fleetctl', () => {
  test('lists machines with their addresses', async () => {
    expect(await fleetctl.listMachines()).toMatchObject([
      { id: '1'.repeat(32), primaryIP: '10.0.0.1', metadata: { 'kubernetes.io/hostname': 'n1' } },
      { id: '2'.repeat(32) },
      { id: '3'.repeat(32) },
    ]);
  });

  test('submits, loads, starts, stops, unloads and destroys a unit', async () => {
    await fleetctl.submit(['hello.service']);
    expect(await states()).toEqual({ 'hello.service': 'inactive' });
    await fleetctl.load(['hello.service']);
    expect(await states()).toEqual({ 'hello.service': 'loaded' });
    expect(world.starts('hello.service')).toBe(0);
    await fleetctl.start(['hello.service']);
    expect(await fleetctl.listUnits()).toMatchObject([
      {
        name: 'hello.service',
        machineID: '1'.repeat(32),
        systemdLoadState: 'loaded',
        systemdActiveState: 'active',
        systemdSubState: 'running',
      },
    ]);
    await fleetctl.stop(['hello.service']);
    expect(await states()).toEqual({ 'hello.service': 'loaded' });
    expect(world.runningOn('hello.service')).toEqual([]);
    await fleetctl.unload(['hello.service']);
    expect(await fleetctl.listUnits()).toEqual([]);
    await fleetctl.destroy(['hello.service']);
    expect(await fleetctl.listUnitFiles()).toEqual([]);
  });

  test('starts a unit that nobody submitted, in one command, and does so again after it was destroyed', async () => {
    for (let round = 1; round <= 3; round++) {
      await fleetctl.start(['hello.service']);
      expect(world.runningOn('hello.service')).toHaveLength(1);
      expect(world.starts('hello.service')).toBe(round);
      await fleetctl.destroy(['hello.service']);
    }
  });

  test.each([0, 20, 200, 2_000])(
    'restarts twenty times and gets twenty new processes, when a stop takes %i ms',
    async (stopMs) => {
      world = await FleetWorld.start(['n1'], { startMs: 50, stopMs });
      const ctl = clientOf(world);
      ctl.files.set('hello.service', HELLO);
      await ctl.start(['hello.service']);
      for (let round = 0; round < 20; round++) await ctl.restart(['hello.service']);
      expect(world.starts('hello.service')).toBe(21);
    },
  );

  test('starts a unit whose ExecStartPre takes 20 s', async () => {
    world = await FleetWorld.start(['n1'], { startMs: 20_000, stopMs: 100 });
    const ctl = clientOf(world);
    ctl.files.set('slow.service', HELLO);
    await ctl.start(['slow.service']);
    expect(world.runningOn('slow.service')).toEqual(['n1']);
  });

  test('reads back what it wrote: cat is the file', async () => {
    await fleetctl.submit(['hello.service']);
    expect(await fleetctl.cat('hello.service')).toEqual([
      { section: 'Unit', name: 'Description', value: 'Hello' },
      { section: 'Service', name: 'ExecStart', value: '/bin/sh -c "while true; do echo Hello; sleep 1; done"' },
    ]);
  });

  test('replaces a unit that has another text, and only when told to', async () => {
    await fleetctl.start(['hello.service']);
    fleetctl.files.set('hello.service', HELLO.replace('Hello', 'Bye'));
    await fleetctl.start(['hello.service']);
    expect((await fleetctl.cat('hello.service'))?.[0]?.value).toBe('Hello');
    expect(world.starts('hello.service')).toBe(1);
    await fleetctl.start(['hello.service'], { replace: true });
    expect((await fleetctl.cat('hello.service'))?.[0]?.value).toBe('Bye');
    expect(world.starts('hello.service')).toBe(2);
  });

  test('starts instances of a template from the registry, and from a file', async () => {
    fleetctl.files.set('web@.service', withFleet('Conflicts=web@*.service'));
    await fleetctl.submit(['web@.service']);
    fleetctl.files.clear();
    await fleetctl.start(['web@1.service', 'web@2.service', 'web@3.service']);
    const homes = ['web@1.service', 'web@2.service', 'web@3.service'].flatMap((name) => world.runningOn(name));
    expect(new Set(homes).size).toBe(3);
    expect((await states())['web@.service']).toBe('inactive');
    fleetctl.files.set('job@.service', HELLO);
    await fleetctl.start(['job@a.service']);
    expect(world.runningOn('job@a.service')).toHaveLength(1);
  });

  test('does not wait with --no-block, and the unit comes all the same', async () => {
    await fleetctl.start(['hello.service'], { noBlock: true });
    await world.wait(1_000);
    expect(world.runningOn('hello.service')).toHaveLength(1);
  });

  test('runs global units everywhere, and waits for none of them', async () => {
    fleetctl.files.set('all.service', withFleet('Global=true'));
    await fleetctl.start(['all.service']);
    await world.wait(1_000);
    expect(world.runningOn('all.service')).toEqual(['n1', 'n2', 'n3']);
    expect(await fleetctl.listUnits()).toHaveLength(3);
    expect((await fleetctl.listUnitFiles())[0]).toMatchObject({ name: 'all.service', desiredState: 'launched' });
    expect((await fleetctl.listUnitFiles())[0]).not.toHaveProperty('currentState');
    await fleetctl.stop(['all.service']);
    await world.wait(1_000);
    expect(world.runningOn('all.service')).toEqual([]);
  });

  test('sees all of 250 units, page by page, in the order of their names', async () => {
    const names = Array.from({ length: 250 }, (_, at) => `u${String(at).padStart(3, '0')}.service`);
    for (const name of names)
      await world.request('PUT', `/units/${name}`, { options: [{ section: 'Service', name: 'ExecStart', value: '/x' }] });
    expect((await fleetctl.listUnitFiles()).map(({ name }) => name)).toEqual(names);
  });
});

test('a unit that is destroyed and made anew under its name waits until the first one has stopped, wherever that is', async () => {
  world = await FleetWorld.start(['n1', 'n2'], { startMs: 50, stopMs: 5_000 });
  fleetctl = clientOf(world);
  fleetctl.files.set('hello.service', HELLO);
  await fleetctl.start(['hello.service']);
  await fleetctl.destroy(['hello.service']);
  fleetctl.files.set('hello.service', withFleet('MachineID=22222222'));
  await fleetctl.start(['hello.service']);
  const [first, second] = world.hosts.flatMap(({ runs }) => runs);
  expect([first?.host, second?.host]).toEqual(['n1', 'n2']);
  expect(second!.startedAt).toBeGreaterThanOrEqual(first!.endedAt!);
});
