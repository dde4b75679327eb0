import { describe, expect, test } from '@jest/globals';
import { deployment, node, running, SECOND } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import type { Pod, PodStatus } from '../resources/schema/pod.ts';

/** `web`, a ReplicaSet without a Deployment, its pods made and placed. */
async function replicaSet(replicas: number, minReadySeconds = 0, ...nodes: string[]): Promise<TestCluster> {
  const { metadata, spec } = deployment('web', { replicas });
  const { selector, template } = spec;
  const cluster = await TestCluster.with(...(nodes.length ? nodes : ['n1']).map((name) => node(name)), {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata,
    spec: { replicas, minReadySeconds, selector, template },
  } as { kind: string });
  await cluster.settle();
  return cluster;
}

const scaleTo = (cluster: TestCluster, replicas: number) =>
  cluster.edit('ReplicaSet', 'web', ({ spec }) => void (spec.replicas = replicas));
const kept = (cluster: TestCluster) =>
  cluster.pods.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name);

describe('a ReplicaSet', () => {
  test('replaces a pod that is deleted, without waiting for its end', async () => {
    const cluster = await replicaSet(2);
    const [first] = kept(cluster);
    await cluster.delete('Pod', first!);
    await cluster.settle();
    expect(kept(cluster)).toHaveLength(2);
    expect(kept(cluster)).not.toContain(first);
    expect(cluster.get('Pod', first!).metadata.deletionTimestamp).toBeDefined();
  });

  test('stops making pods while too many of them fit nowhere, and goes on when there is room', async () => {
    const cluster = await replicaSet(2_000_000_000);
    for (let round = 0; round < 10; round++) await cluster.settle();
    const unplaced = cluster.pods.filter(({ spec }) => !spec.nodeName).length;
    expect(unplaced).toBe(500);
    const placed = cluster.pods.length - unplaced;
    await scaleTo(cluster, placed + 2);
    await cluster.settle();
    expect(kept(cluster)).toHaveLength(placed + 2);
  });

  test('replaces a pod that failed', async () => {
    const cluster = await replicaSet(1);
    const [first] = kept(cluster);
    await cluster.setStatus('Pod', first!, { phase: 'Failed' });
    await cluster.settle();
    expect(cluster.pods).toHaveLength(2);
    expect(cluster.get('ReplicaSet', 'web').status?.replicas).toBe(1);
  });

  test('counts its pods in its status', async () => {
    const cluster = await replicaSet(3, 10);
    await cluster.setPods((pod) => running(pod.metadata.name !== kept(cluster)[0]));
    await cluster.settle();
    expect(cluster.get('ReplicaSet', 'web').status).toEqual({
      replicas: 3,
      fullyLabeledReplicas: 3,
      readyReplicas: 2,
      availableReplicas: 0,
      observedGeneration: 1,
    });
    cluster.now += 10 * SECOND;
    await cluster.settle();
    expect(cluster.get('ReplicaSet', 'web').status?.availableReplicas).toBe(2);
  });

  test.each<[string, (pod: Pod, index: number) => PodStatus]>([
    ['runs, before one that is ready', (_, index) => running(index !== 1)],
    ['is not even started, before one that runs', (_, index) => (index === 1 ? { phase: 'Pending' } : running(false))],
    [
      'restarts most, among equals',
      (_, index) => ({
        ...running(true),
        containerStatuses: [
          { name: 'app', image: 'app:1', imageID: '', ready: true, restartCount: index === 1 ? 9 : 0, state: {}, lastState: {} },
        ],
      }),
    ],
  ])('gives up first the pod that %s', async (_, status) => {
    const cluster = await replicaSet(3);
    const names = kept(cluster);
    await cluster.setPods((pod) => status(pod, names.indexOf(pod.metadata.name)));
    await scaleTo(cluster, 2);
    await cluster.settle();
    expect(kept(cluster)).toEqual([names[0], names[2]]);
  });

  test('gives up first the pod that has most siblings on its node', async () => {
    const cluster = await replicaSet(3, 0, 'n1', 'n2');
    await cluster.setPods(() => running(true));
    await scaleTo(cluster, 2);
    await cluster.settle();
    const nodes = cluster.pods.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ spec }) => spec.nodeName);
    expect(new Set(nodes)).toEqual(new Set(['n1', 'n2']));
  });

  test('lets a pod go whose labels were taken off it, and makes another', async () => {
    const cluster = await replicaSet(1);
    const [taken] = kept(cluster);
    await cluster.edit('Pod', taken!, ({ metadata }) => void (metadata.labels = { app: 'under-inspection' }));
    await cluster.settle();
    expect(cluster.get('Pod', taken!).metadata.ownerReferences ?? []).toEqual([]);
    expect(kept(cluster)).toHaveLength(2);
  });

  test('makes nothing in a namespace that is being deleted', async () => {
    const cluster = await TestCluster.with(node('n1'), { kind: 'Namespace', metadata: { name: 'shop' } } as { kind: string });
    await cluster.create(deployment('web', { namespace: 'shop' }));
    await cluster.settle();
    await cluster.setPods(() => running(true));
    await cluster.delete('Namespace', 'shop');
    await cluster.settle();
    expect(cluster.pods.every(({ metadata }) => metadata.deletionTimestamp)).toBe(true);
    await cluster.finishDeletions();
    await cluster.settle();
    expect(cluster.state.get('Namespace', '', 'shop')).toBeUndefined();
  });

  test('whose template can not be made says why, and does not hold up the others', async () => {
    const cluster = await replicaSet(1);
    // Written past validation, as an older version might have.
    const bad = structuredClone(cluster.get('ReplicaSet', 'web'));
    bad.metadata = { ...bad.metadata, name: 'bad', uid: 'bad-uid' };
    bad.spec.template.spec.containers[0]!.name = 'Not A Name!';
    await cluster.keyspace.transact((txn) =>
      txn.put('/registry/apps/replicasets/default/bad', new TextEncoder().encode(JSON.stringify(bad))),
    );
    await scaleTo(cluster, 2);
    const outcome = await cluster.settle();
    expect(kept(cluster)).toHaveLength(2);
    expect(outcome.end).toBe('rest');
    const [event] = cluster.events('ReconcileError').filter(({ involvedObject }) => involvedObject.name === 'bad');
    expect(event?.message).toContain('spec.containers[0].name');
    expect(cluster.events('SuccessfulCreate').some(({ involvedObject }) => involvedObject.name === 'bad')).toBe(false);
    // Told once, not in each run.
    const { revision } = cluster.keyspace.view();
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
  });
});
