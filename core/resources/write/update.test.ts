import { describe, expect, test } from '@jest/globals';
import type { Deployment } from '../schema/deployment.ts';
import type { Pod } from '../schema/pod.ts';
import { deployment, fixedContext, inTxn, newCluster, pod, refusal } from '../testing/fixtures.ts';
import { createResource, getResource, updateResource } from '../write.ts';

async function withDeployment() {
  const ctx = fixedContext();
  const cluster = await newCluster(ctx);
  const made = await inTxn(cluster, (txn) => createResource(txn, 'Deployment', deployment('web'), ctx));
  return { cluster, ctx, made };
}

describe('updateResource', () => {
  test('bumps the generation when the spec changes, and only then', async () => {
    const { cluster, ctx, made } = await withDeployment();
    const labelled = await inTxn(cluster, (txn) =>
      updateResource(txn, { ...made, metadata: { ...made.metadata, labels: { tier: 'front' } } }, ctx),
    );
    expect(labelled.metadata.generation).toBe(1);
    const scaled = await inTxn(cluster, (txn) =>
      updateResource(txn, { ...labelled, spec: { ...labelled.spec, replicas: 3 } }, ctx),
    );
    expect(scaled.metadata.generation).toBe(2);
  });

  test('keeps status out of main writes and everything else out of status writes', async () => {
    const { cluster, ctx, made } = await withDeployment();
    const both: Deployment = { ...made, spec: { ...made.spec, replicas: 5 }, status: { replicas: 9 } };
    const status = await inTxn(cluster, (txn) => updateResource(txn, both, ctx, { subresource: 'status' }));
    expect([status.spec.replicas, status.status, status.metadata.generation]).toEqual([1, { replicas: 9 }, 1]);
    const main = await inTxn(cluster, (txn) => updateResource(txn, { ...status, spec: both.spec, status: { replicas: 1 } }, ctx));
    expect([main.spec.replicas, main.status]).toEqual([5, { replicas: 9 }]);
  });

  test('writes nothing when nothing differs', async () => {
    const { cluster, ctx, made } = await withDeployment();
    const before = cluster.view().revision;
    const again = await inTxn(cluster, (txn) => updateResource(txn, made, ctx));
    expect(again).toEqual(made);
    expect(cluster.view().revision).toBe(before);
  });

  test('refuses a stale resourceVersion, and overwrites when none is given', async () => {
    const { cluster, ctx, made } = await withDeployment();
    await inTxn(cluster, (txn) => updateResource(txn, { ...made, spec: { ...made.spec, replicas: 2 } }, ctx));
    const stale = { ...made, spec: { ...made.spec, replicas: 7 } };
    const error = await refusal(cluster, (txn) => updateResource(txn, stale, ctx));
    expect(error.status).toMatchObject({
      code: 409,
      reason: 'Conflict',
      details: { name: 'web', group: 'apps', kind: 'deployments' },
    });
    expect(getResource(cluster.view(), 'Deployment', 'default', 'web')!.spec.replicas).toBe(2);
    const forced = { ...stale, metadata: { ...stale.metadata, resourceVersion: '' } };
    await inTxn(cluster, (txn) => updateResource(txn, forced, ctx));
    expect(getResource(cluster.view(), 'Deployment', 'default', 'web')!.spec.replicas).toBe(7);
  });

  test('refuses another uid: the object was deleted and made anew', async () => {
    const { cluster, ctx, made } = await withDeployment();
    const other = { ...made, metadata: { ...made.metadata, uid: 'other' } };
    expect((await refusal(cluster, (txn) => updateResource(txn, other, ctx))).reason).toBe('Conflict');
  });

  test('refuses to change a selector', async () => {
    const { cluster, ctx, made } = await withDeployment();
    const labels = { app: 'other' };
    const spec = { ...made.spec, selector: { matchLabels: labels }, template: { ...made.spec.template, metadata: { labels } } };
    const error = await refusal(cluster, (txn) => updateResource(txn, { ...made, spec }, ctx));
    expect(error.message).toContain('spec.selector: Invalid value');
    expect(error.message).toContain('field is immutable');
  });

  test('lets a pod be placed once, its image be changed, and nothing else', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    const made = await inTxn(cluster, (txn) => createResource(txn, 'Pod', pod('a'), ctx));
    const change = (object: Pod, spec: Partial<Pod['spec']>) => ({ ...object, spec: { ...object.spec, ...spec } });
    const placed = await inTxn(cluster, (txn) => updateResource(txn, change(made, { nodeName: 'n1' }), ctx));
    await refusal(cluster, (txn) => updateResource(txn, change(placed, { nodeName: 'n2' }), ctx));
    const images = made.spec.containers.map((container) => ({ ...container, image: 'web:2' }));
    const imaged = await inTxn(cluster, (txn) => updateResource(txn, change(placed, { containers: images }), ctx));
    const error = await refusal(cluster, (txn) => updateResource(txn, change(imaged, { hostNetwork: true }), ctx));
    expect(error.message).toContain('spec: Forbidden: pod updates may not change fields other than');
  });
});
