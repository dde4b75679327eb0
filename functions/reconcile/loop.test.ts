import { describe, expect, test } from '@jest/globals';
import { heard, pod, SECOND, T0 } from '../../test/support/builders.ts';
import { eventually } from '../../test/support/eventually.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../test/support/reconcile-world.ts';
import { type Schedule, startReconciler } from './loop.ts';

/** Timers that run when the test says so. */
function manualTimers() {
  const timers = new Set<{ delayMs: number; action: () => void }>();
  const schedule: Schedule = (delayMs, action) => {
    const timer = { delayMs, action };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  return {
    schedule,
    delays: () => Array.from(timers, ({ delayMs }) => delayMs),
    fire() {
      const due = [...timers];
      timers.clear();
      for (const { action } of due) action();
    },
  };
}

async function looping(deps: Partial<ReconcileWorld['deps']> = {}) {
  const world = new ReconcileWorld(deps);
  await world.start();
  await world.inbox.put(TENANT, CLUSTER, heard('n1', world.now));
  const timers = manualTimers();
  let lists = 0;
  const inbox = {
    ...world.inbox,
    list: (...args: [string, string]) => {
      lists++;
      return world.inbox.list(...args);
    },
  };
  const reconciler = startReconciler({ ...world.deps, inbox: deps.inbox ?? inbox, schedule: timers.schedule });
  return { world, timers, reconciler, runs: () => lists };
}

const placed = (world: ReconcileWorld, name: string) =>
  eventually(`${name} is placed`, () => expect(world.state.get('Pod', 'default', name)?.spec.nodeName).toBe('n1'));

describe('the embedded trigger', () => {
  test('reconciles when poked, and from then on whenever somebody commits', async () => {
    const { world, reconciler } = await looping();
    reconciler.poke(TENANT, CLUSTER);
    await eventually('the node is known', () => expect(world.state.list('Node')).toHaveLength(1));
    await world.create(pod('p'));
    await placed(world, 'p');
    await reconciler.stop();
  });

  test('lets a deleted cluster be', async () => {
    const { world, reconciler, runs, timers } = await looping();
    reconciler.poke(TENANT, CLUSTER);
    await eventually('the node is known', () => expect(world.state.list('Node')).toHaveLength(1));
    await reconciler.forget(TENANT, CLUSTER);
    const before = runs();
    await world.create(pod('p'));
    timers.fire();
    expect(timers.delays()).toEqual([]);
    // Known anew it is looked after again: had it still been followed, that would be one more run than this one.
    reconciler.poke(TENANT, CLUSTER);
    await placed(world, 'p');
    expect(runs()).toBe(before + 1);
    await reconciler.stop();
  });

  test('does not run again for its own commits', async () => {
    const { world, reconciler, runs, timers } = await looping();
    reconciler.poke(TENANT, CLUSTER);
    await eventually('it waits for a time-out', () => expect(timers.delays()).toEqual([60 * SECOND]));
    await world.create(pod('p'));
    await placed(world, 'p');
    await eventually('it waits again', () => expect(timers.delays()).toHaveLength(1));
    // The first poke, and the one that the pod's creation made.
    expect(runs()).toBe(2);
    await reconciler.stop();
  });

  test('makes one run of many pokes', async () => {
    const { reconciler, runs, timers } = await looping();
    for (let count = 0; count < 100; count++) reconciler.poke(TENANT, CLUSTER);
    await eventually('it rests', () => expect(timers.delays()).toHaveLength(1));
    expect(runs()).toBeLessThanOrEqual(2);
    await reconciler.stop();
  });

  test('rests after a long run, but not for longer because the clock is set back', async () => {
    let at = T0;
    // Each look at it is 20 ms later, so that runs take long.
    const { reconciler, runs, timers } = await looping({ clock: { now: () => (at += 20) } });
    reconciler.poke(TENANT, CLUSTER);
    await eventually('it waits for a time-out', () => expect(timers.delays()).toHaveLength(1));
    const before = runs();
    at -= 3_600 * SECOND;
    reconciler.poke(TENANT, CLUSTER);
    await eventually('it runs again', () => expect(runs()).toBeGreaterThan(before));
    await reconciler.stop();
  });

  test('wakes up when a time-out expires', async () => {
    const { world, reconciler, timers } = await looping();
    reconciler.poke(TENANT, CLUSTER);
    await eventually('it waits for a time-out', () => expect(timers.delays()).toEqual([60 * SECOND]));
    world.now += 60 * SECOND;
    timers.fire();
    await eventually('the node is given up', () =>
      expect(world.state.list('Node')[0]?.status?.conditions?.[0]?.status).toBe('Unknown'),
    );
    await reconciler.stop();
  });

  test('runs for a mere heartbeat only of a host that was given up', async () => {
    const { world, reconciler, timers, runs } = await looping();
    reconciler.poke(TENANT, CLUSTER);
    await eventually('it rests', () => expect(timers.delays()).toHaveLength(1));
    reconciler.reported(TENANT, CLUSTER, 'n1', false);
    expect(runs()).toBe(1);
    world.now += 60 * SECOND;
    timers.fire();
    await eventually('the node is given up', () => expect(world.state.list('Node')[0]?.spec?.taints).toHaveLength(1));
    await world.inbox.put(TENANT, CLUSTER, heard('n1', world.now));
    await eventually('the node is back', () => {
      reconciler.reported(TENANT, CLUSTER, 'n1', false);
      expect(world.state.list('Node')[0]?.spec?.taints).toEqual([]);
    });
    await reconciler.stop();
  });

  test('backs off while the store fails, whoever pokes, and goes on afterwards', async () => {
    let broken = true;
    let calls = 0;
    const probe = new ReconcileWorld();
    const inbox = {
      ...probe.inbox,
      async list(tenant: string, cluster: string) {
        calls++;
        if (broken) throw new Error('the store is away');
        return probe.inbox.list(tenant, cluster);
      },
    };
    await probe.inbox.put(TENANT, CLUSTER, heard('n1', probe.now));
    const { world, reconciler, timers } = await looping({ inbox });
    const seen: number[] = [];
    reconciler.poke(TENANT, CLUSTER);
    for (let attempt = 1; attempt <= 9; attempt++) {
      await eventually('it has failed', () => expect([calls, timers.delays().length]).toEqual([attempt, 1]));
      seen.push(...timers.delays());
      reconciler.poke(TENANT, CLUSTER);
      if (attempt === 9) broken = false;
      timers.fire();
    }
    expect(seen).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    await eventually('the node is known', () => expect(world.state.list('Node')).toHaveLength(1));
    await reconciler.stop();
  });
});
