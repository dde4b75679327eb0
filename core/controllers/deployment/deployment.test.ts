import { describe, expect, test } from '@jest/globals';
import { deployment, node, running, SECOND } from '../../../test/support/builders.ts';
import { TestCluster } from '../../../test/support/cluster.ts';
import { findCondition } from '../conditions.ts';

const ready = () => running(true);

/** A Deployment `web` whose pods run and are ready. */
async function rolledOut(options: Parameters<typeof deployment>[1] = {}): Promise<TestCluster> {
  const cluster = await TestCluster.with(node('n1'), node('n2'), deployment('web', options));
  await cluster.settle();
  await cluster.setPods(ready);
  await cluster.settle();
  return cluster;
}

/** Lets hosts make everything ready and stop what shall stop, until nothing changes any more. */
async function rollToTheEnd(cluster: TestCluster): Promise<void> {
  for (let step = 0; step < 50; step++) {
    const before = cluster.keyspace.view().revision;
    await cluster.setPods(ready);
    await cluster.finishDeletions();
    await cluster.settle();
    if (cluster.keyspace.view().revision === before) return;
  }
  throw new Error('the rollout never ended');
}

const setImage = (cluster: TestCluster, image: string) =>
  cluster.edit('Deployment', 'web', ({ spec }) => void (spec.template.spec.containers[0]!.image = image));
const images = (cluster: TestCluster) => cluster.pods.map((pod) => pod.spec.containers[0]!.image).sort();
const sizes = (cluster: TestCluster) =>
  Object.fromEntries(
    cluster
      .list('ReplicaSet')
      .map(({ metadata, spec }) => [metadata.annotations?.['deployment.kubernetes.io/revision'], spec.replicas]),
  );
const progressing = (cluster: TestCluster) => findCondition(cluster.get('Deployment', 'web').status?.conditions, 'Progressing');

describe('a Deployment', () => {
  test('gets its pods through a ReplicaSet that says which template they have', async () => {
    const cluster = await TestCluster.with(node('n1'), deployment('web', { replicas: 3 }));
    await cluster.settle();
    const [set] = cluster.list('ReplicaSet');
    const hash = set?.metadata.labels?.['pod-template-hash'];
    expect(set?.metadata.name).toBe(`web-${hash}`);
    expect(set?.spec.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash });
    expect(cluster.pods).toHaveLength(3);
    for (const pod of cluster.pods) {
      expect(pod.metadata.name).toMatch(new RegExp(`^web-${hash}-[a-z0-9]{5}$`));
      expect(pod.metadata.labels).toEqual({ app: 'web', 'pod-template-hash': hash });
      expect(pod.spec.nodeName).toBe('n1');
    }
    expect(cluster.events('ScalingReplicaSet').map(({ message }) => message)).toEqual([
      `Scaled up replica set web-${hash} from 0 to 3`,
    ]);
    expect(cluster.events('SuccessfulCreate')).toHaveLength(3);
  });

  test('tells kubectl rollout status when it is done', async () => {
    const cluster = await TestCluster.with(node('n1'), deployment('web', { replicas: 2 }));
    await cluster.settle();
    expect(cluster.get('Deployment', 'web').status).toMatchObject({
      observedGeneration: 1,
      replicas: 2,
      updatedReplicas: 2,
      unavailableReplicas: 2,
      conditions: [
        { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable' },
        { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' },
      ],
    });
    await cluster.setPods(ready);
    await cluster.settle();
    const { status } = cluster.get('Deployment', 'web');
    expect(status).toMatchObject({
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      conditions: [
        { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' },
        { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' },
      ],
    });
    expect(status).not.toHaveProperty('unavailableReplicas');
  });

  test('replaces its pods step by step when the template changes, and keeps the old ReplicaSet', async () => {
    const cluster = await rolledOut({ replicas: 4 });
    await setImage(cluster, 'app:2');
    await cluster.settle();
    // 25 % of 4: one more, one less.
    expect(sizes(cluster)).toEqual({ 1: 3, 2: 2 });
    await rollToTheEnd(cluster);
    expect(images(cluster)).toEqual(['app:2', 'app:2', 'app:2', 'app:2']);
    expect(sizes(cluster)).toEqual({ 1: 0, 2: 4 });
    expect(cluster.get('Deployment', 'web').metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '2' });
    expect(progressing(cluster)?.reason).toBe('NewReplicaSetAvailable');
  });

  test('waits for the new pods before it takes more of the old ones', async () => {
    const cluster = await rolledOut({ replicas: 4, spec: { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } });
    await setImage(cluster, 'app:broken');
    for (let step = 0; step < 5; step++) {
      await cluster.finishDeletions();
      await cluster.setPods((pod) => running(pod.spec.containers[0]!.image === 'app:1'));
      await cluster.settle();
    }
    expect(images(cluster)).toEqual(['app:1', 'app:1', 'app:1', 'app:1', 'app:broken']);
  });

  test('goes back to the old ReplicaSet when its template comes back, as the newest revision', async () => {
    const cluster = await rolledOut();
    const [first] = cluster.list('ReplicaSet');
    await setImage(cluster, 'app:2');
    await rollToTheEnd(cluster);
    await setImage(cluster, 'app:1');
    await rollToTheEnd(cluster);
    expect(cluster.list('ReplicaSet')).toHaveLength(2);
    const again = cluster.get('ReplicaSet', first!.metadata.name);
    expect(again.spec.replicas).toBe(3);
    expect(again.metadata.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
    expect(cluster.get('Deployment', 'web').metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
  });

  test('with Recreate starts nothing new before the last old pod has ended', async () => {
    const cluster = await rolledOut({ replicas: 2, spec: { strategy: { type: 'Recreate' } } });
    await setImage(cluster, 'app:2');
    await cluster.settle();
    expect(cluster.pods.map((pod) => [pod.spec.containers[0]!.image, pod.metadata.deletionTimestamp !== undefined])).toEqual([
      ['app:1', true],
      ['app:1', true],
    ]);
    await cluster.finishDeletions();
    await cluster.settle();
    expect(images(cluster)).toEqual(['app:2', 'app:2']);
  });

  test('does not roll out while it is paused, but can be scaled', async () => {
    const cluster = await rolledOut({ replicas: 2 });
    await cluster.edit('Deployment', 'web', ({ spec }) => {
      spec.paused = true;
      spec.template.spec.containers[0]!.image = 'app:2';
    });
    await cluster.settle();
    expect(images(cluster)).toEqual(['app:1', 'app:1']);
    expect(progressing(cluster)?.reason).toBe('DeploymentPaused');
    await cluster.edit('Deployment', 'web', ({ spec }) => void (spec.replicas = 3));
    await cluster.settle();
    expect(images(cluster)).toEqual(['app:1', 'app:1', 'app:1']);
    await cluster.edit('Deployment', 'web', ({ spec }) => void (spec.paused = false));
    await rollToTheEnd(cluster);
    expect(images(cluster)).toEqual(['app:2', 'app:2', 'app:2']);
  });

  test('that is scaled in the middle of a rollout keeps both ReplicaSets in proportion', async () => {
    const cluster = await rolledOut({ replicas: 10, spec: { strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } } });
    await setImage(cluster, 'app:broken');
    await cluster.settle();
    expect(sizes(cluster)).toEqual({ 1: 8, 2: 5 });
    await cluster.edit('Deployment', 'web', ({ spec }) => void (spec.replicas = 20));
    await cluster.settle();
    expect(sizes(cluster)).toEqual({ 1: 14, 2: 9 });
  });

  test('says so when it makes no progress before its deadline, and wakes up for that', async () => {
    const cluster = await TestCluster.with(node('n1'), deployment('web', { spec: { progressDeadlineSeconds: 30 } }));
    const first = await cluster.settle();
    expect(first.wakeAt).toBeLessThanOrEqual(cluster.now + 30 * SECOND);
    cluster.now += 30 * SECOND;
    await cluster.settle();
    expect(progressing(cluster)).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' });
    await cluster.setPods(ready);
    await cluster.settle();
    expect(progressing(cluster)).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
  });

  test('counts a pod as available only after minReadySeconds', async () => {
    const cluster = await TestCluster.with(node('n1'), deployment('web', { replicas: 1, spec: { minReadySeconds: 10 } }));
    await cluster.settle();
    await cluster.setPods(ready);
    const outcome = await cluster.settle();
    expect(cluster.get('Deployment', 'web').status).toMatchObject({ readyReplicas: 1, unavailableReplicas: 1 });
    expect(outcome.wakeAt).toBe(cluster.now + 10 * SECOND);
    cluster.now += 10 * SECOND;
    await cluster.settle();
    expect(cluster.get('Deployment', 'web').status).toMatchObject({ availableReplicas: 1 });
  });

  test('keeps revisionHistoryLimit old ReplicaSets', async () => {
    const cluster = await rolledOut({ replicas: 1, spec: { revisionHistoryLimit: 2 } });
    for (const image of ['app:2', 'app:3', 'app:4', 'app:5']) {
      await setImage(cluster, image);
      await rollToTheEnd(cluster);
    }
    expect(sizes(cluster)).toEqual({ 3: 0, 4: 0, 5: 1 });
  });

  test('hands its annotations on, so that rollout history shows the cause of each revision', async () => {
    const cluster = await rolledOut({ annotations: { 'kubernetes.io/change-cause': 'first' } });
    await cluster.edit('Deployment', 'web', ({ metadata, spec }) => {
      metadata.annotations!['kubernetes.io/change-cause'] = 'second';
      spec.template.spec.containers[0]!.image = 'app:2';
    });
    await cluster.settle();
    const causes = cluster.list('ReplicaSet').map(({ metadata }) => metadata.annotations?.['kubernetes.io/change-cause']);
    expect(new Set(causes)).toEqual(new Set(['first', 'second']));
  });

  test('finds another name when a foreign ReplicaSet has the one it wants', async () => {
    const cluster = await rolledOut({ replicas: 1 });
    const [set] = cluster.list('ReplicaSet');
    await cluster.delete('Deployment', 'web', { propagationPolicy: 'Orphan' });
    await cluster.edit('ReplicaSet', set!.metadata.name, ({ metadata }) => void (metadata.labels = { app: 'other' }));
    await cluster.create(deployment('web', { replicas: 1 }));
    await cluster.settle();
    expect(cluster.get('Deployment', 'web').status?.collisionCount).toBe(1);
    expect(cluster.list('ReplicaSet')).toHaveLength(2);
  });

  test('adopts the ReplicaSet that an orphaning deletion left behind', async () => {
    const cluster = await rolledOut({ replicas: 2 });
    const before = cluster.pods.map(({ metadata }) => metadata.name);
    await cluster.delete('Deployment', 'web', { propagationPolicy: 'Orphan' });
    await cluster.settle();
    expect(cluster.pods).toHaveLength(2);
    await cluster.create(deployment('web', { replicas: 2 }));
    await cluster.settle();
    expect(cluster.list('ReplicaSet')).toHaveLength(1);
    expect(cluster.pods.map(({ metadata }) => metadata.name)).toEqual(before);
  });

  test('takes everything with it when it is deleted', async () => {
    const cluster = await rolledOut({ replicas: 2 });
    await cluster.delete('Deployment', 'web');
    await cluster.settle();
    expect(cluster.list('ReplicaSet')).toEqual([]);
    expect(cluster.pods.every(({ metadata }) => metadata.deletionTimestamp)).toBe(true);
    await cluster.finishDeletions();
    await cluster.settle();
    expect(cluster.pods).toEqual([]);
  });

  test('deleted in the foreground stays until its pods have ended', async () => {
    const cluster = await rolledOut({ replicas: 2 });
    await cluster.delete('Deployment', 'web', { propagationPolicy: 'Foreground' });
    await cluster.settle();
    expect(cluster.list('Deployment')).toHaveLength(1);
    await cluster.finishDeletions();
    await cluster.settle();
    expect([...cluster.list('Deployment'), ...cluster.list('ReplicaSet'), ...cluster.pods]).toEqual([]);
  });
});
