import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { renewsLease } from '../../../core/node/fencing.ts';
import { type Fault, FencingWorld, REPLICAS } from './fencing-world.ts';

const HOSTS = 3;
const host = fc.nat(HOSTS - 1);

const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Fault>({ kind: 'nothing' }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('cut' as const), host, how: fc.constantFrom('both' as const, 'answers' as const) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('heal' as const), host }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const), host, backAfter: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('stun' as const), host, forSeconds: fc.nat(180) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reboot' as const), host, backAfter: fc.integer({ min: 5, max: 90 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delay' as const), host, seconds: fc.nat(25) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('suspect' as const),
      host,
      about: host,
      forSeconds: fc.integer({ min: 5, max: 90 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const), ms: fc.nat(1_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('freeze' as const), forSeconds: fc.nat(120) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('outage' as const), forSeconds: fc.nat(90) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('deletePod' as const), pick: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteNode' as const), pick: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeHost' as const), host }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('timeout' as const), notReadySeconds: fc.constantFrom(20, 30, 60, 120, 240) }),
  },
);

/** What happens, and how many seconds pass after it. */
const story = fc.array(fc.tuple(fault, fc.nat(40)), { minLength: 1, maxLength: 14 });
const rate = fc.constantFrom(0.95, 0.99, 1, 1.01, 1.05);

/** A limit on hanging, not an expectation of speed. */
const LIMIT_MS = 120_000;
const RUNS = Number(process.env['TERRANE_FENCING_RUNS'] ?? 25);

async function settled(rates: readonly number[] = [1, 1, 1], skew = 0): Promise<FencingWorld> {
  const world = await FencingWorld.start(rates, skew);
  await world.calmDown();
  return world;
}

const busyHost = (world: FencingWorld): number => world.hosts.findIndex(({ running }) => running.length > 0);

async function pass(world: FencingWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) await world.step();
}

async function knowsOf(world: FencingWorld, index: number, fencedStopSeconds: number): Promise<void> {
  const known = () => world.hosts[index]!.assignment?.settings.fencedStopSeconds === fencedStopSeconds;
  for (let second = 0; second < 200 && !known(); second++) await world.step();
  expect(known()).toBe(true);
}

describe('fenced work', () => {
  test(
    'never runs in two places, whatever happens to hosts, agents, messages, clocks and reconcilers; and it runs again once that ends',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          story,
          fc.tuple(rate, rate, rate),
          fc.integer({ min: -1000, max: 1000 }),
          async (faults, rates, skew) => {
            const world = await settled(rates, skew);
            for (const [each, seconds] of faults) {
              await world.befall(each);
              await pass(world, seconds);
            }
            await world.calmDown();
            expect(world.running).toHaveLength(REPLICAS);
          },
        ),
        { numRuns: RUNS },
      );
    },
    LIMIT_MS,
  );

  test('is not taken from a host that came back while a reconciler was frozen that had given it up', async () => {
    const world = await settled();
    const index = busyHost(world);
    await world.befall({ kind: 'outage', forSeconds: 300 });
    await world.befall({ kind: 'cut', host: index, how: 'both' });
    await pass(world, 75);
    await world.befall({ kind: 'freeze', forSeconds: 20 });
    await world.befall({ kind: 'heal', host: index });
    await pass(world, 15);
    expect(world.hosts[index]!.running).not.toHaveLength(0);
    await world.calmDown();
    await pass(world, 60);
  });

  test('does not get a lease on a host that stands in the log as given up, although its report arrived', async () => {
    const world = await settled();
    const index = busyHost(world);
    const { name } = world.hosts[index]!;
    await world.befall({ kind: 'cut', host: index, how: 'both' });
    for (let second = 0; second < 100 && renewsLease(world.world.state.get('Node', '', name)); second++) await world.step();
    await world.befall({ kind: 'outage', forSeconds: 300 });
    await world.befall({ kind: 'freeze', forSeconds: 20 });
    await world.befall({ kind: 'heal', host: index });
    await pass(world, 60);
    expect(world.hosts[index]!.running).toHaveLength(0);
    await world.calmDown();
  });

  test('of a host that knows of longer times only, since it was cut off, is not replaced by the new ones', async () => {
    const world = await settled();
    const index = busyHost(world);
    await world.befall({ kind: 'timeout', notReadySeconds: 120 });
    await pass(world, 60);
    await world.befall({ kind: 'cut', host: index, how: 'both' });
    await pass(world, 2);
    await world.befall({ kind: 'timeout', notReadySeconds: 30 });
    for (let second = 0; second < 130; second++) {
      // The others report often: what starts elsewhere starts at once.
      for (let by = 0; by < HOSTS; by++) await world.befall({ kind: 'suspect', host: by, about: by, forSeconds: 0 });
      await world.step();
    }
    expect(world.hosts[index]!.running).toHaveLength(0);
    expect(world.running).toHaveLength(REPLICAS);
  });

  test('of a host that reported shorter times, but goes by the longer ones since it never heard the answer, is not replaced by the shorter ones', async () => {
    const world = await settled();
    const index = busyHost(world);
    await world.befall({ kind: 'timeout', notReadySeconds: 120 });
    await pass(world, 60);
    await world.befall({ kind: 'timeout', notReadySeconds: 30 });
    await knowsOf(world, index, 20);
    await world.befall({ kind: 'cut', host: index, how: 'answers' });
    await pass(world, 150);
    expect(world.hosts[index]!.running).toHaveLength(0);
    expect(world.running).toHaveLength(REPLICAS);
  });

  test('of a host that knows of longer times, but has not reported since, has no longer for stopping: they may be shortened again', async () => {
    const world = await settled();
    const index = busyHost(world);
    await world.befall({ kind: 'timeout', notReadySeconds: 240 });
    await knowsOf(world, index, 160);
    await world.befall({ kind: 'cut', host: index, how: 'both' });
    await world.befall({ kind: 'timeout', notReadySeconds: 30 });
    for (let second = 0; second < 130; second++) {
      // The others report often: what starts elsewhere starts at once.
      for (let by = 0; by < HOSTS; by++) await world.befall({ kind: 'suspect', host: by, about: by, forSeconds: 0 });
      await world.step();
    }
    expect(world.hosts[index]!.running).toHaveLength(0);
    expect(world.running).toHaveLength(REPLICAS);
  });

  test('stays where it is, whoever suspects its host, as long as that one reports', async () => {
    const world = await settled();
    const index = busyHost(world);
    const before = world.running;
    for (let second = 0; second < 150; second += 5) {
      for (let by = 0; by < HOSTS; by++) await world.befall({ kind: 'suspect', host: by, about: index, forSeconds: 10 });
      await pass(world, 5);
    }
    expect(world.running).toEqual(before);
  });

  test('of a host whose Node is deleted while it is cut off starts elsewhere when its last lease has run out', async () => {
    const world = await settled();
    const index = busyHost(world);
    await world.befall({ kind: 'cut', host: index, how: 'both' });
    const nodes = world.world.state.list('Node');
    await world.befall({
      kind: 'deleteNode',
      pick: nodes.findIndex(({ metadata }) => metadata.name === world.hosts[index]!.name),
    });
    await pass(world, 90);
    expect(world.hosts[index]!.running).toHaveLength(0);
    expect(world.running).toHaveLength(REPLICAS);
  });

  test('of a host that is cut off starts elsewhere within the host timeout and a little, after it has ended there', async () => {
    const world = await settled();
    const lost = busyHost(world);
    await world.befall({ kind: 'cut', host: lost, how: 'both' });
    // Its last report may have been almost due again.
    await pass(world, 19);
    expect(world.hosts[lost]!.running).not.toHaveLength(0);
    await pass(world, 39);
    expect(world.hosts[lost]!.running).toHaveLength(0);
    await pass(world, 30);
    expect(world.running).toHaveLength(REPLICAS);
  });

  test('runs on through a restart of its agent, cut off or not, as long as the lease lasts and no longer', async () => {
    const world = await settled();
    const index = busyHost(world);
    const host = world.hosts[index]!;
    const ids = () => host.running.map(({ id }) => id);
    const before = ids();
    await world.befall({ kind: 'cut', host: index, how: 'both' });
    await world.befall({ kind: 'kill', host: index, backAfter: 3 });
    await pass(world, 15);
    expect(ids()).toEqual(before);
    await pass(world, 45);
    expect(ids()).toEqual([]);
  });

  test('of a host of which the agent stands still has been ended there by the guard when it starts elsewhere', async () => {
    const world = await settled();
    const index = busyHost(world);
    await world.befall({ kind: 'stun', host: index, forSeconds: 150 });
    await pass(world, 100);
    expect(world.hosts[index]!.running).toHaveLength(0);
    expect(world.running).toHaveLength(REPLICAS);
    await world.calmDown();
  });

  test('does not start on a host that boots cut off, though it is assigned there', async () => {
    const world = await settled();
    const index = busyHost(world);
    await world.befall({ kind: 'cut', host: index, how: 'both' });
    await world.befall({ kind: 'reboot', host: index, backAfter: 5 });
    for (let second = 0; second < 200; second++) {
      await world.step();
      expect(world.hosts[index]!.running).toHaveLength(0);
    }
  });
});
