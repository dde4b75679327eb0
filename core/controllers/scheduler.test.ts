import { describe, expect, test } from '@jest/globals';
import { deployment, heard, node, nodeStatus, pod, running, SECOND } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import { podCondition } from './pod-state.ts';

describe('scheduling', () => {
  test('binds a pod and says where to', async () => {
    const cluster = await TestCluster.with(node('n1'), pod('p'));
    await cluster.settle();
    expect(cluster.get('Pod', 'p').spec.nodeName).toBe('n1');
    expect(podCondition(cluster.get('Pod', 'p'), 'PodScheduled')?.status).toBe('True');
    expect(cluster.events('Scheduled').map(({ message }) => message)).toEqual(['Successfully assigned default/p to n1']);
  });

  test('tells of a pod that fits nowhere why, once for each cause, and binds it when that is over', async () => {
    const cluster = await TestCluster.with(node('n1', { cpu: '1' }), pod('p', { requests: { cpu: '2' } }));
    await cluster.settle();
    const message = '0/1 nodes are available: 1 Insufficient cpu.';
    expect(podCondition(cluster.get('Pod', 'p'), 'PodScheduled')).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
      message,
    });
    const { revision } = cluster.keyspace.view();
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
    expect(cluster.events('FailedScheduling').map((event) => [event.message, event.count])).toEqual([[message, 1]]);
    await cluster.create(node('n2'));
    await cluster.settle();
    expect(cluster.get('Pod', 'p').spec.nodeName).toBe('n2');
  });

  test('places important pods first', async () => {
    const requests = { cpu: '1' };
    const cluster = await TestCluster.with(
      node('n1', { cpu: '1' }),
      pod('a', { requests }),
      pod('b', { requests, spec: { priority: 10 } }),
    );
    await cluster.settle();
    expect([cluster.get('Pod', 'a').spec.nodeName, cluster.get('Pod', 'b').spec.nodeName]).toEqual([undefined, 'n1']);
  });

  test('counts the room of terminating pods until they have ended, and not that of finished ones', async () => {
    const requests = { cpu: '1' };
    const cluster = await TestCluster.with(
      node('n1', { cpu: '1' }),
      pod('old', { requests, nodeName: 'n1', status: running(true) }),
    );
    await cluster.delete('Pod', 'old');
    await cluster.create(pod('new', { requests }));
    await cluster.settle();
    expect(cluster.get('Pod', 'new').spec.nodeName).toBeUndefined();
    await cluster.finishDeletions();
    await cluster.settle();
    expect(cluster.get('Pod', 'new').spec.nodeName).toBe('n1');
    await cluster.setStatus('Pod', 'new', { phase: 'Succeeded' });
    await cluster.create(pod('next', { requests }));
    await cluster.settle();
    expect(cluster.get('Pod', 'next').spec.nodeName).toBe('n1');
  });

  test('leaves pods of another scheduler alone', async () => {
    const cluster = await TestCluster.with(node('n1'), pod('p', { spec: { schedulerName: 'theirs' } }));
    await cluster.settle();
    expect(cluster.get('Pod', 'p').spec.nodeName).toBeUndefined();
  });

  test('puts nothing on a node whose amounts can not be read, and says so', async () => {
    const cluster = await TestCluster.with(node('bad', { cpu: 'lots' }), node('good', { cpu: '1' }), pod('p'));
    await cluster.settle();
    expect(cluster.get('Pod', 'p').spec.nodeName).toBe('good');
    expect(cluster.events('ReconcileError').map(({ involvedObject }) => involvedObject.name)).toEqual(['bad']);
  });

  test('fills hosts one by one where the cluster is set so', async () => {
    const homes = async (placement: string) => {
      const data = { placement };
      const metadata = { name: 'cluster-settings', namespace: 'terrane-system' };
      const cluster = await TestCluster.with({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as { kind: string });
      for (const name of ['n1', 'n2', 'n3']) await cluster.create(node(name));
      for (const name of ['a', 'b', 'c']) await cluster.create(pod(name, { requests: { cpu: '1' } }));
      await cluster.settle();
      return new Set(cluster.pods.map(({ spec }) => spec.nodeName)).size;
    };
    expect([await homes('spread'), await homes('pack')]).toEqual([3, 1]);
  });
});

describe('a pod that is more important than what runs', () => {
  const requests = { cpu: '1' };
  const full = async (...more: { kind: string }[]) =>
    await TestCluster.with(
      node('n1', { cpu: '1' }),
      pod('cheap', { requests, nodeName: 'n1', labels: { app: 'cheap' }, status: running(true) }),
      ...more,
    );
  const important = pod('dear', { requests, spec: { priority: 10 } });

  test('makes it go, is told which host is kept for it, and gets it once it is free', async () => {
    const cluster = await full(important);
    await cluster.settle();
    expect(cluster.get('Pod', 'cheap').metadata.deletionTimestamp).toBeDefined();
    expect(cluster.get('Pod', 'dear').status?.nominatedNodeName).toBe('n1');
    expect(cluster.events('Preempted').map(({ involvedObject }) => involvedObject.name)).toEqual(['cheap']);
    const { revision } = cluster.keyspace.view();
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
    await cluster.finishDeletions();
    await cluster.create(pod('eager', { requests }));
    await cluster.settle();
    expect([cluster.get('Pod', 'dear').spec.nodeName, cluster.get('Pod', 'eager').spec.nodeName]).toEqual(['n1', undefined]);
    expect(cluster.get('Pod', 'dear').status?.nominatedNodeName).toBeUndefined();
  });

  test('waits no longer for one that should have ended two minutes ago: another goes', async () => {
    const cluster = await full(important);
    await cluster.settle();
    await cluster.create(node('n2', { cpu: '1' }));
    await cluster.create(pod('other', { nodeName: 'n2', requests, spec: { priority: 1 } }));
    const ends = Date.parse(cluster.get('Pod', 'cheap').metadata.deletionTimestamp!);
    cluster.now = ends + 119 * SECOND;
    cluster.inbox = ['n1', 'n2'].map((name) => heard(name, cluster.now, { node: nodeStatus({ cpu: '1' }) }));
    expect((await cluster.settle()).wakeAt).toBe(ends + 120 * SECOND);
    expect(cluster.get('Pod', 'dear').status?.nominatedNodeName).toBe('n1');
    cluster.now = ends + 120 * SECOND;
    await cluster.settle();
    expect(cluster.get('Pod', 'dear').status?.nominatedNodeName).toBe('n2');
    expect(cluster.get('Pod', 'other').metadata.deletionTimestamp).toBeDefined();
  });

  test('leaves it alone if it may not, if that is as important, or if a disruption budget says so', async () => {
    const meek = await full(pod('dear', { requests, spec: { priority: 10, preemptionPolicy: 'Never' } }));
    const equal = await full(pod('dear', { requests }));
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'keep', namespace: 'default' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'cheap' } } },
    };
    const kept = await full(budget, important);
    for (const cluster of [meek, equal, kept]) {
      await cluster.settle();
      expect(cluster.get('Pod', 'cheap').metadata.deletionTimestamp).toBeUndefined();
      expect(cluster.get('Pod', 'dear').status?.nominatedNodeName).toBeUndefined();
    }
    expect(kept.get('PodDisruptionBudget', 'keep').status).toMatchObject({
      disruptionsAllowed: 0,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
    });
  });

  test('takes its number from its PriorityClass, or from the global default', async () => {
    const priorityClass = (name: string, value: number, globalDefault = false) => ({
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      value,
      globalDefault,
    });
    const cluster = await TestCluster.with(priorityClass('high', 1_000), priorityClass('usual', 5, true));
    await cluster.create(pod('a', { spec: { priorityClassName: 'high' } }));
    await cluster.create(pod('b'));
    expect(cluster.get('Pod', 'a').spec).toMatchObject({ priority: 1_000, preemptionPolicy: 'PreemptLowerPriority' });
    expect(cluster.get('Pod', 'b').spec).toMatchObject({ priority: 5, priorityClassName: 'usual' });
    await expect(cluster.create(pod('c', { spec: { priorityClassName: 'no-such' } }))).rejects.toThrow(
      'pods "c" is forbidden: no PriorityClass with name no-such was found',
    );
    await expect(cluster.create(pod('d', { spec: { priorityClassName: 'high', priority: 1 } }))).rejects.toThrow(
      'leave spec.priority out',
    );
  });
});

describe('a disruption budget', () => {
  const budget = (spec: object) => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  });

  test.each([
    [{ maxUnavailable: 1 }, { expectedPods: 4, desiredHealthy: 3, currentHealthy: 4, disruptionsAllowed: 1 }],
    [{ maxUnavailable: '50%' }, { expectedPods: 4, desiredHealthy: 2, currentHealthy: 4, disruptionsAllowed: 2 }],
    [{ minAvailable: '60%' }, { expectedPods: 4, desiredHealthy: 3, currentHealthy: 4, disruptionsAllowed: 1 }],
    [{ minAvailable: 9 }, { expectedPods: 4, desiredHealthy: 9, currentHealthy: 4, disruptionsAllowed: 0 }],
  ])('with %j of four pods shows %j', async (spec, expected) => {
    const cluster = await TestCluster.with(node('n1'), deployment('web', { replicas: 4 }), budget(spec));
    await cluster.settle();
    await cluster.setPods(() => running(true));
    await cluster.settle();
    expect(cluster.get('PodDisruptionBudget', 'web').status).toMatchObject(expected);
  });
});
