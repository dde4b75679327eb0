import { describe, expect, test } from '@jest/globals';
import { deployment, heard, pod, podReport, running, SECOND, T0 } from '../../test/support/builders.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../test/support/reconcile-world.ts';

/** Two hosts that were heard just now; the cluster knows them, and so do we. */
async function twoHosts(): Promise<ReconcileWorld> {
  const world = await ReconcileWorld.with();
  for (const name of ['n1', 'n2']) await world.inbox.put(TENANT, CLUSTER, heard(name, world.now));
  await world.reconcile();
  world.hints.length = 0;
  return world;
}

const configMap = (name: string) =>
  ({ kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { key: 'old' } }) as { kind: string; metadata: object };
const onNode = (name: string, nodeName: string, configMapName?: string) =>
  pod(name, {
    nodeName,
    ...(configMapName && { spec: { volumes: [{ name: 'v', configMap: { name: configMapName } }] } }),
  });

describe('reconciling a cluster', () => {
  test('makes everything that follows from a change one revision', async () => {
    const world = await twoHosts();
    await world.create(deployment('web', { replicas: 4 }));
    const before = world.revision;
    const { revision } = await world.reconcile();
    expect(revision).toBe(before + 1);
    expect(
      world.state
        .list('Pod')
        .map(({ spec }) => spec.nodeName)
        .sort((a, b) => (a! < b! ? -1 : 1)),
    ).toEqual(['n1', 'n1', 'n2', 'n2']);
  });

  test('commits nothing when there is nothing to do, and says when to look again', async () => {
    const world = await twoHosts();
    const before = world.revision;
    expect(await world.reconcile()).toMatchObject({ revision: before, wakeAt: T0 + 60 * SECOND });
    expect(world.revision).toBe(before);
  });

  test('decides anew when somebody else commits first', async () => {
    const world = await twoHosts();
    await world.create(deployment('web', { replicas: 1 }));
    const { keyspace } = world;
    let raced = false;
    const contended = {
      ...world.deps,
      keyspaces: {
        open: async () => ({
          ...keyspace,
          view: () => keyspace.view(),
          sync: () => keyspace.sync(),
          watch: keyspace.watch.bind(keyspace),
          close: () => keyspace.close(),
          async transact<T>(...args: Parameters<typeof keyspace.transact<T>>) {
            if (!raced) {
              raced = true;
              await world.edit('Deployment', 'web', ({ spec }) => void (spec.replicas = 3));
            }
            return keyspace.transact(...args);
          },
        }),
      },
    };
    const racing = new ReconcileWorld(contended);
    await racing.reconcile();
    expect(world.state.list('Pod')).toHaveLength(3);
  });

  test('does more than one commit can hold in several', async () => {
    const world = await twoHosts();
    await world.create(deployment('web', { replicas: 220, podSpec: { terminationGracePeriodSeconds: 1 } }));
    const annotations = { notes: 'x'.repeat(10_000) };
    await world.edit('Deployment', 'web', ({ spec }) => void (spec.template.metadata!.annotations = annotations));
    let runs = 0;
    for (let wakeAt: number | undefined = 0; (wakeAt ?? Infinity) <= world.now; runs++) wakeAt = (await world.reconcile()).wakeAt;
    expect(runs).toBeGreaterThan(1);
    const pods = world.state.list('Pod');
    expect(pods.filter(({ spec }) => spec.nodeName)).toHaveLength(220);
    expect(world.state.list('Event').filter(({ reason }) => reason === 'Scheduled')).toHaveLength(220);
  });

  test('may be done by several at once', async () => {
    const world = await twoHosts();
    await world.create(deployment('web', { replicas: 3 }));
    await Promise.all([world.reconcile(), world.reconcile(), world.reconcile()]);
    expect(world.state.list('Pod')).toHaveLength(3);
    expect(world.state.list('ReplicaSet')).toHaveLength(1);
  });
});

describe('telling hosts', () => {
  test('concerns those that got a pod, and no others', async () => {
    const world = await twoHosts();
    await world.create(pod('p'));
    await world.reconcile();
    expect(world.hints).toEqual([['n1']]);
  });

  test.each([
    [220, undefined, 1],
    [40, { maxBytes: 6_000 }, 2],
  ])(
    'of %s pods that come in several commits at once waits for the last of these, or sixteen (%j)',
    async (replicas, limits, least) => {
      const world = await twoHosts();
      await world.create(deployment('web', { replicas }));
      const annotations = { notes: 'x'.repeat(limits ? 10 : 10_000) };
      await world.edit('Deployment', 'web', ({ spec }) => void (spec.template.metadata!.annotations = annotations));
      const busy = new ReconcileWorld(
        { ...world.deps, clock: { now: () => world.now }, ...(limits && { limits }) },
        world.keyspace,
      );
      const toldAt: number[] = [];
      const started = world.revision;
      for (let wakeAt: number | undefined = 0; (wakeAt ?? Infinity) <= world.now; ) {
        wakeAt = (await busy.reconcile()).wakeAt;
        while (toldAt.length < world.hints.length) toldAt.push(world.revision - started);
      }
      const commits = world.revision - started;
      expect(commits).toBeGreaterThan(1);
      expect(toldAt.at(-1)).toBe(commits);
      expect(toldAt.length).toBeGreaterThanOrEqual(least);
      expect(toldAt.length).toBeLessThanOrEqual(Math.ceil(commits / 15));
    },
  );

  test('of commits that take long is no later than five seconds after the first of them', async () => {
    const world = await twoHosts();
    await world.create(deployment('web', { replicas: 40 }));
    const slow = new ReconcileWorld(
      { ...world.deps, clock: { now: () => world.now }, limits: { maxBytes: 6_000 } },
      world.keyspace,
    );
    const toldAt = [world.now];
    for (let wakeAt: number | undefined = 0; (wakeAt ?? Infinity) <= world.now; world.now += 2 * SECOND) {
      const told = world.hints.length;
      wakeAt = (await slow.reconcile()).wakeAt;
      if (world.hints.length > told) toldAt.push(world.now);
    }
    expect(toldAt.length).toBeGreaterThan(3);
    for (const [at, time] of toldAt.slice(1).entries()) expect(time - toldAt[at]!).toBeLessThanOrEqual(8 * SECOND);
  });

  test('does not echo to a host what it reported itself', async () => {
    const world = await twoHosts();
    await world.create(onNode('p', 'n1'));
    await world.reconcile();
    world.hints.length = 0;
    const pods = world.state.list('Pod').map((each) => podReport(each, running(true)));
    await world.inbox.put(TENANT, CLUSTER, heard('n1', world.now, { pods }));
    const before = world.revision;
    await world.reconcile();
    expect(world.revision).toBe(before + 1);
    expect(world.hints).toEqual([]);
  });

  test.each<[string, (world: ReconcileWorld) => Promise<void>, string[]]>([
    ['a pod that shall stop', (world) => world.remove('Pod', 'p1'), ['n1']],
    [
      'a ConfigMap that one of its pods reads',
      (world) => world.edit('ConfigMap', 'used', (each) => void (each.data = {})),
      ['n2'],
    ],
    [
      'a label of the node',
      (world) => world.edit('Node', 'n2', ({ metadata }) => void (metadata.labels = { a: 'b' }), ''),
      ['n2'],
    ],
    [
      "the cluster's settings, and then everyone",
      (world) => world.create({ kind: 'ConfigMap', metadata: { name: 'cluster-settings', namespace: 'terrane-system' } }),
      ['n1', 'n2'],
    ],
  ])('also tells of what others committed: %s', async (_, change, concerned) => {
    const world = await twoHosts();
    for (const object of [configMap('used'), configMap('unused'), onNode('p1', 'n1'), onNode('p2', 'n2', 'used')])
      await world.create(object);
    await world.reconcile();
    world.hints.length = 0;
    await world.edit('ConfigMap', 'unused', (each) => void (each.data = {}));
    await change(world);
    await world.reconcile();
    expect(world.hints).toEqual([concerned]);
    await world.reconcile();
    expect(world.hints).toHaveLength(1);
  });

  test('of an endpoint that takes traffic concerns every host, of one that only gets ready to does not', async () => {
    const world = await twoHosts();
    const web = pod('web', { nodeName: 'n1', labels: { app: 'web' } });
    const service = { kind: 'Service', metadata: { name: 'web', namespace: 'default' } };
    await world.create({ ...service, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } } as { kind: string });
    await world.create(web);
    await world.reconcile();
    world.hints.length = 0;
    const report = async (ready: boolean) => {
      const status = { ...running(ready), podIP: '10.0.0.1' };
      const [stored] = world.state.list('Pod');
      await world.inbox.put(TENANT, CLUSTER, heard('n1', world.now, { pods: [podReport(stored!, status)] }));
      await world.reconcile();
    };
    await report(false);
    expect(world.hints).toEqual([]);
    await report(true);
    expect(world.hints).toEqual([['n1', 'n2']]);
  });

  test('of whom policies look at concerns every host, as long as there is a policy', async () => {
    const world = await twoHosts();
    await world.create(pod('web', { nodeName: 'n1', labels: { app: 'web' } }));
    const relabel = async (tier: string) => {
      world.hints.length = 0;
      await world.edit('Pod', 'web', ({ metadata }) => void (metadata.labels = { app: 'web', tier }));
      await world.reconcile();
      return world.hints;
    };
    await world.reconcile();
    const [stored] = world.state.list('Pod');
    const status = { ...running(true), podIP: '10.0.0.1' };
    await world.inbox.put(TENANT, CLUSTER, heard('n1', world.now, { pods: [podReport(stored!, status)] }));
    await world.reconcile();
    expect(await relabel('a')).toEqual([['n1']]);
    await world.create({ kind: 'NetworkPolicy', metadata: { name: 'deny', namespace: 'default' }, spec: {} } as { kind: string });
    await world.reconcile();
    expect(world.hints).toEqual([['n1'], ['n1', 'n2']]);
    expect(await relabel('b')).toEqual([['n1', 'n2']]);
  });

  test('tells everyone once when it does not know what they were told before', async () => {
    const world = await twoHosts();
    const fresh = new ReconcileWorld({ ...world.deps, told: new Map() });
    await fresh.reconcile();
    expect(world.hints).toEqual([['n1', 'n2']]);
  });

  test('that fails does not undo the commit', async () => {
    const world = await twoHosts();
    const broken = new ReconcileWorld({ ...world.deps, notifier: { notify: () => Promise.reject(new Error('unreachable')) } });
    await world.create(pod('p'));
    await broken.reconcile();
    expect(world.state.get('Pod', 'default', 'p')?.spec.nodeName).toBe('n1');
  });
});
