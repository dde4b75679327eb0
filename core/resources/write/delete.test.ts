import { describe, expect, test } from '@jest/globals';
import { SYSTEM_NAMESPACES } from '../namespaces.ts';
import { deployment, fixedContext, inTxn, newCluster, pod, podSpec, refusal } from '../testing/fixtures.ts';
import { createResource, deleteResource, getResource, listResources, updateResource } from '../write.ts';

const onNode = { ...podSpec(), nodeName: 'n1' };

describe('deleteResource', () => {
  test('removes a pod that was never placed at once', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    await inTxn(cluster, (txn) => createResource(txn, 'Pod', pod('a'), ctx));
    const result = await inTxn(cluster, (txn) => deleteResource(txn, 'Pod', 'default', 'a', {}, ctx));
    expect(result.removed).toBe(true);
    expect(getResource(cluster.view(), 'Pod', 'default', 'a')).toBeUndefined();
  });

  test('gives a placed pod its grace period, which a second deletion can only shorten', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    await inTxn(cluster, (txn) => createResource(txn, 'Pod', pod('a', onNode), ctx));
    const first = await inTxn(cluster, (txn) => deleteResource(txn, 'Pod', 'default', 'a', {}, ctx));
    expect(first.removed).toBe(false);
    expect(first.object.metadata).toMatchObject({ deletionTimestamp: '2024-01-02T03:04:35Z', deletionGracePeriodSeconds: 30 });
    const longer = await inTxn(cluster, (txn) => deleteResource(txn, 'Pod', 'default', 'a', { gracePeriodSeconds: 60 }, ctx));
    expect(longer.object).toEqual(first.object);
    const shorter = await inTxn(cluster, (txn) => deleteResource(txn, 'Pod', 'default', 'a', { gracePeriodSeconds: 5 }, ctx));
    expect(shorter.object.metadata.deletionGracePeriodSeconds).toBe(5);
    const now = await inTxn(cluster, (txn) => deleteResource(txn, 'Pod', 'default', 'a', { gracePeriodSeconds: 0 }, ctx));
    expect(now.removed).toBe(true);
    expect(getResource(cluster.view(), 'Pod', 'default', 'a')).toBeUndefined();
  });

  test('deletes a pod whose grace period is longer than there are dates', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    const spec = { ...onNode, terminationGracePeriodSeconds: Number.MAX_SAFE_INTEGER };
    await inTxn(cluster, (txn) => createResource(txn, 'Pod', pod('a', spec), ctx));
    const { object } = await inTxn(cluster, (txn) => deleteResource(txn, 'Pod', 'default', 'a', {}, ctx));
    expect(object.metadata).toMatchObject({
      deletionTimestamp: '2025-01-01T03:04:05Z',
      deletionGracePeriodSeconds: 365 * 86_400,
    });
  });

  test('waits for finalizers', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    const draft = { metadata: { name: 'c', namespace: 'default', finalizers: ['example.com/hold'] } };
    await inTxn(cluster, (txn) => createResource(txn, 'ConfigMap', draft, ctx));
    const { object, removed } = await inTxn(cluster, (txn) => deleteResource(txn, 'ConfigMap', 'default', 'c', {}, ctx));
    expect([removed, object.metadata.deletionTimestamp]).toEqual([false, '2024-01-02T03:04:05Z']);
    const released = { ...object, metadata: { ...object.metadata, finalizers: [] } };
    await inTxn(cluster, (txn) => updateResource(txn, released, ctx));
    expect(getResource(cluster.view(), 'ConfigMap', 'default', 'c')).toBeUndefined();
  });

  test('orphans dependents in the same transaction when asked to', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    await inTxn(cluster, (txn) => {
      const owner = createResource(txn, 'Deployment', deployment('web'), ctx);
      const ownerReferences = [
        { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: owner.metadata.uid, controller: true },
      ];
      const set = deployment('web-1');
      createResource(txn, 'ReplicaSet', { ...set, metadata: { ...set.metadata, ownerReferences } }, ctx);
      deleteResource(txn, 'Deployment', 'default', 'web', { propagationPolicy: 'Orphan' }, ctx);
    });
    expect(getResource(cluster.view(), 'Deployment', 'default', 'web')).toBeUndefined();
    expect(getResource(cluster.view(), 'ReplicaSet', 'default', 'web-1')!.metadata.ownerReferences).toBeUndefined();
  });

  test('keeps a namespace Terminating until the last pod in it has stopped', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    const result = await inTxn(cluster, (txn) => {
      createResource(txn, 'Namespace', { metadata: { name: 'team' } }, ctx);
      createResource(txn, 'ConfigMap', { metadata: { name: 'c', namespace: 'team' } }, ctx);
      createResource(txn, 'Pod', { metadata: { name: 'a', namespace: 'team' }, spec: onNode }, ctx);
      return deleteResource(txn, 'Namespace', '', 'team', {}, ctx);
    });
    expect([result.removed, result.object.status]).toEqual([false, { phase: 'Terminating' }]);
    expect(getResource(cluster.view(), 'ConfigMap', 'team', 'c')).toBeUndefined();
    expect(getResource(cluster.view(), 'Pod', 'team', 'a')!.metadata.deletionTimestamp).toBeDefined();
    await inTxn(cluster, (txn) => deleteResource(txn, 'Pod', 'team', 'a', { gracePeriodSeconds: 0 }, ctx));
    expect(getResource(cluster.view(), 'Namespace', '', 'team')).toBeUndefined();
  });

  test('leaves the rest of a large namespace to its controller, so that the transaction keeps its size', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    await inTxn(cluster, (txn) => {
      createResource(txn, 'Namespace', { metadata: { name: 'team' } }, ctx);
      for (let i = 0; i < 150; i++) createResource(txn, 'ConfigMap', { metadata: { name: `c${i}`, namespace: 'team' } }, ctx);
    });
    await inTxn(cluster, (txn) => deleteResource(txn, 'Namespace', '', 'team', {}, ctx));
    const left = listResources(cluster.view(), 'ConfigMap', 'team');
    expect(left).toHaveLength(50);
    expect(getResource(cluster.view(), 'Namespace', '', 'team')!.status).toEqual({ phase: 'Terminating' });
    await inTxn(cluster, (txn) => {
      for (const { metadata } of left) deleteResource(txn, 'ConfigMap', 'team', metadata.name, {}, ctx);
    });
    expect(getResource(cluster.view(), 'Namespace', '', 'team')).toBeUndefined();
  });

  test('removes an empty namespace at once', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    await inTxn(cluster, (txn) => createResource(txn, 'Namespace', { metadata: { name: 'team' } }, ctx));
    expect((await inTxn(cluster, (txn) => deleteResource(txn, 'Namespace', '', 'team', {}, ctx))).removed).toBe(true);
  });

  test('refuses to delete the namespaces that every cluster has', async () => {
    const cluster = await newCluster();
    for (const name of SYSTEM_NAMESPACES) {
      const error = await refusal(cluster, (txn) => deleteResource(txn, 'Namespace', '', name, {}, fixedContext()));
      expect(error.reason).toBe('Forbidden');
    }
  });

  test('refuses when a precondition does not hold', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    await inTxn(cluster, (txn) => createResource(txn, 'Pod', pod('a'), ctx));
    for (const preconditions of [{ uid: 'other' }, { resourceVersion: '1' }]) {
      const error = await refusal(cluster, (txn) => deleteResource(txn, 'Pod', 'default', 'a', { preconditions }, ctx));
      expect(error.reason).toBe('Conflict');
    }
  });

  test('says so when there is nothing to delete', async () => {
    const cluster = await newCluster();
    const error = await refusal(cluster, (txn) => deleteResource(txn, 'Deployment', 'default', 'web', {}, fixedContext()));
    expect(error.status).toMatchObject({ code: 404, message: 'deployments.apps "web" not found' });
  });
});
