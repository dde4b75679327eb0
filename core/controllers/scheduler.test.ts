import { describe, expect, test } from '@jest/globals';
import { node, pod, running } from '../../test/support/builders.ts';
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
});
