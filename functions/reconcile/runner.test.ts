import { describe, expect, test } from '@jest/globals';
import type { Wake, Wakes } from '../../store/wakes.ts';
import { deployment, heard, SECOND, T0 } from '../../test/support/builders.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../test/support/reconcile-world.ts';
import { hostedRunner } from './runner.ts';
import type { ClusterNews } from './stream-news.ts';

const MINUTE = 60 * SECOND;

function memoryWakes() {
  const set: Wake[] = [];
  const wakes: Wakes = {
    async set(tenant, cluster, at) {
      const wake = { tenant, cluster, at: Math.ceil(at / MINUTE) * MINUTE };
      if (!set.some((other) => other.at === wake.at)) set.push(wake);
      return wake;
    },
    due: async (now, limit) => set.filter(({ at }) => at <= now).slice(0, limit),
    async clear(wake) {
      set.splice(set.indexOf(wake), 1);
    },
  };
  return { set, wakes };
}

/** A cluster with one host, and how often the inbox was listed: once a run. */
async function world() {
  const cluster = await ReconcileWorld.with();
  await cluster.inbox.put(TENANT, CLUSTER, heard('n1', cluster.now));
  const { set, wakes } = memoryWakes();
  const counted = { runs: 0, broken: false, deleted: false };
  const inbox = {
    ...cluster.inbox,
    async list(...of: [string, string]) {
      counted.runs++;
      if (counted.broken) throw new Error('the store is down');
      return cluster.inbox.list(...of);
    },
  };
  return {
    cluster,
    set,
    wakes,
    counted,
    runner: hostedRunner({ ...cluster.deps, inbox, wakes, exists: async () => !counted.deleted }),
  };
}

const news = (given: Partial<ClusterNews>): ClusterNews => ({
  tenant: TENANT,
  cluster: CLUSTER,
  firstSequence: '1',
  commits: false,
  reports: false,
  heartbeats: new Set(),
  ...given,
});

describe('the hosted trigger', () => {
  test('runs for a commit, but not again when its own commit comes back by the stream', async () => {
    const { cluster, counted, runner } = await world();
    await cluster.create(deployment('web'));
    await runner.news(news({ commits: true }));
    expect(cluster.state.list('Pod')).toHaveLength(3);
    const { runs } = counted;
    await runner.news(news({ commits: true }));
    expect(counted.runs).toBe(runs);
  });

  test('an alarm ends the leases whose time is over, and is set again for the next; a deleted cluster has none', async () => {
    const { cluster, set, wakes, counted } = await world();
    const asked: number[] = [];
    const expireLeases = async () => {
      asked.push(cluster.now);
      return asked.length === 1 ? cluster.now + 5 * MINUTE : undefined;
    };
    const runner = hostedRunner({ ...cluster.deps, wakes, exists: async () => !counted.deleted, expireLeases });
    await wakes.set(TENANT, CLUSTER, cluster.now);
    cluster.now += MINUTE;
    await runner.alarms(10, 1);
    expect(asked).toHaveLength(1);
    expect(set.some(({ at }) => at <= cluster.now + 6 * MINUTE)).toBe(true);
    counted.deleted = true;
    cluster.now += 10 * MINUTE;
    await runner.alarms(10, 1);
    expect(asked).toHaveLength(1);
  });

  test('tells hosts of all that was committed before a cluster with more to do waits for its alarm', async () => {
    const { cluster, counted, set, wakes } = await world();
    const deps = { ...cluster.deps, limits: { maxBytes: 6_000 }, wakes, exists: async () => true };
    const runner = hostedRunner({
      ...deps,
      inbox: { ...cluster.inbox, list: (...of) => (counted.runs++, cluster.inbox.list(...of)) },
    });
    await runner.news(news({ reports: true }));
    await cluster.create(deployment('web', { replicas: 60 }));
    const before = cluster.deps.told.get(`${TENANT}/${CLUSTER}`)!.revision;
    counted.runs = 0;
    await runner.news(news({ commits: true }));
    expect(counted.runs).toBe(20);
    expect(cluster.revision).toBeGreaterThan(before + 16);
    expect(set.some(({ at }) => at <= cluster.now)).toBe(true);
    expect(cluster.deps.told.get(`${TENANT}/${CLUSTER}`)).toEqual({ revision: cluster.revision });
  });

  test('writes nothing for a deleted cluster, though its replica still has it, and sets no alarm', async () => {
    const { cluster, counted, runner, set } = await world();
    await cluster.create(deployment('web'));
    counted.deleted = true;
    await runner.news(news({ commits: true, reports: true }));
    expect(counted.runs).toBe(0);
    expect(cluster.state.list('Pod')).toHaveLength(0);
    expect(set).toEqual([]);
  });

  test('does not run for a heartbeat, unless its host had been given up', async () => {
    const { cluster, counted, runner } = await world();
    await runner.news(news({ reports: true }));
    const { runs } = counted;
    await runner.news(news({ heartbeats: new Set(['n1']) }));
    expect(counted.runs).toBe(runs);

    cluster.now += 10 * MINUTE;
    await runner.news(news({ reports: true }));
    await cluster.inbox.put(TENANT, CLUSTER, heard('n1', cluster.now));
    await runner.news(news({ heartbeats: new Set(['n1']) }));
    const ready = cluster.state.get('Node', '', 'n1')?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready?.status).toBe('True');
  });

  test('sets an alarm for what time brings, and keeps one that rings earlier', async () => {
    const { cluster, set, runner } = await world();
    await runner.news(news({ reports: true }));
    expect(set).toEqual([{ tenant: TENANT, cluster: CLUSTER, at: T0 + MINUTE }]);
    cluster.now += 10 * SECOND;
    await cluster.inbox.put(TENANT, CLUSTER, heard('n1', cluster.now));
    await runner.news(news({ reports: true }));
    expect(set).toHaveLength(1);
  });

  test('finds the silent host by its alarm, and clears it', async () => {
    const { cluster, set, runner } = await world();
    await runner.news(news({ reports: true }));
    cluster.now = T0 + MINUTE + 1;
    expect(await runner.alarms(10, 2)).toBe(1);
    const ready = cluster.state.get('Node', '', 'n1')?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready?.status).toBe('Unknown');
    expect(set.filter(({ at }) => at <= cluster.now)).toEqual([]);
  });

  test('gives a cluster that fails an alarm instead of holding up the others', async () => {
    const { cluster, set, counted, runner } = await world();
    counted.broken = true;
    await runner.news(news({ reports: true }));
    expect(set).toHaveLength(1);

    counted.broken = false;
    cluster.now = set[0]!.at;
    await cluster.inbox.put(TENANT, CLUSTER, heard('n1', cluster.now));
    await runner.alarms(10, 2);
    expect(cluster.state.list('Node')).toHaveLength(1);
  });

  test('leaves the news to the stream when not even the alarm can be set', async () => {
    const { counted, wakes, runner } = await world();
    counted.broken = true;
    wakes.set = () => Promise.reject(new Error('the store is down'));
    await expect(runner.news(news({ reports: true }))).rejects.toThrow('the store is down');
  });
});
