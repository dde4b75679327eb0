import { expect, test } from '@jest/globals';
import { FENCED_ANNOTATION } from '../../core/node/fencing.ts';
import { heard, pod, SECOND } from '../../test/support/builders.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../test/support/reconcile-world.ts';
import { forgetHost } from '../node/forget-host.ts';

/** A fenced pod on n1, of which the host was heard last with a lease of so long, seconds, in a cluster whose host timeout is as long. */
async function clusterOf(leaseSeconds: number): Promise<ReconcileWorld> {
  const data = { notReadySeconds: String(leaseSeconds) };
  const settings = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cluster-settings', namespace: 'terrane-system' },
    data,
  };
  const world = await ReconcileWorld.with(settings);
  await beHeard(world, leaseSeconds, ['n1', 'n2']);
  const made = pod('db', { nodeName: 'n1' });
  await world.create({ ...made, metadata: { ...made.metadata, annotations: { [FENCED_ANNOTATION]: 'true' } } });
  await world.reconcile();
  return world;
}

async function beHeard(world: ReconcileWorld, leaseSeconds: number, names: readonly string[]): Promise<void> {
  for (const name of names) await world.inbox.put(TENANT, CLUSTER, heard(name, world.now, { leaseSeconds }));
  await world.reconcile();
}

const shorten = (world: ReconcileWorld, notReadySeconds: number) =>
  world.edit(
    'ConfigMap',
    'cluster-settings',
    (map) => void (map.data = { notReadySeconds: String(notReadySeconds) }),
    'terrane-system',
  );

const hasDb = ({ state }: ReconcileWorld): boolean => state.list('Pod').some(({ metadata }) => !metadata.deletionTimestamp);

async function pass(world: ReconcileWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    world.now += SECOND;
    await beHeard(world, 60, ['n2']);
  }
}

test('fenced work of a Node whose deletion was slow to be committed waits from the commit on, until when its host had a lease', async () => {
  const world = await clusterOf(60);
  world.now -= 20 * SECOND;
  await world.remove('Node', 'n1', '');
  world.now += 20 * SECOND;
  await world.inbox.delete(TENANT, CLUSTER, 'n1');
  await world.reconcile();
  await pass(world, 59);
  expect(hasDb(world)).toBe(true);
  await pass(world, 2);
  expect(hasDb(world)).toBe(false);
});

test('fenced work of a Node that was deleted waits for the lease that its host had then, though times are shortened meanwhile', async () => {
  const world = await clusterOf(600);
  await world.remove('Node', 'n1', '');
  await world.inbox.delete(TENANT, CLUSTER, 'n1');
  await world.reconcile();
  await shorten(world, 60);
  await pass(world, 598);
  expect(hasDb(world)).toBe(true);
  await pass(world, 3);
  expect(hasDb(world)).toBe(false);
});

test.each(['before', 'after'])(
  'the lease of a removed host is known, though times were shortened right %s it was',
  async (when) => {
    const world = await clusterOf(600);
    if (when === 'before') await shorten(world, 60);
    const { keyspaces, inbox } = world.deps;
    await forgetHost({ keyspaces, inbox, context: () => world.ctx() }, TENANT, CLUSTER, 'n1');
    await world.remove('Node', 'n1', '');
    if (when === 'after') await shorten(world, 60);
    await world.reconcile();
    await pass(world, 598);
    expect(hasDb(world)).toBe(true);
    await pass(world, 3);
    expect(hasDb(world)).toBe(false);
  },
);

test('a host of which nothing is known leaves nothing behind', async () => {
  const world = await clusterOf(60);
  const { keyspaces, inbox } = world.deps;
  const before = world.revision;
  await forgetHost({ keyspaces, inbox, context: () => world.ctx() }, TENANT, CLUSTER, 'never-there');
  expect(world.revision).toBe(before);
});
