import { beforeEach, describe, expect, test } from '@jest/globals';
import { deployment, pod, podSpec } from '../../../../core/resources/testing/fixtures.ts';
import { createResource, getResource } from '../../../../core/resources/write.ts';
import { CONFIG_MAPS, DEPLOYMENTS, type KubeHarness, kubeHarness, PODS } from '../testing/harness.ts';

let kube: KubeHarness;
beforeEach(async () => {
  kube = await kubeHarness();
  await kube.commit((txn) => {
    createResource(txn, 'Deployment', deployment('web'), kube.ctx);
    createResource(txn, 'Pod', pod('a', { ...podSpec(), nodeName: 'n1' }), kube.ctx);
    for (const [name, app] of [
      ['x1', 'x'],
      ['x2', 'x'],
      ['y1', 'y'],
    ])
      createResource(txn, 'ConfigMap', { metadata: { name, namespace: 'default', labels: { app } } }, kube.ctx);
  });
});

const names = async (path: string) =>
  (await kube.json<{ items: { metadata: { name: string } }[] }>('GET', path)).items.map((item) => item.metadata.name);

describe('DELETE', () => {
  test('removes the object and answers with a Status that names it', async () => {
    const status = await kube.json('DELETE', `${DEPLOYMENTS}/web`, { propagationPolicy: 'Background' });
    expect(status).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'web', group: 'apps', kind: 'deployments' },
    });
    expect((await kube.refused('GET', `${DEPLOYMENTS}/web`)).code).toBe(404);
    expect(kube.writes).toEqual([expect.objectContaining({ verb: 'delete', kind: 'Deployment', name: 'web' })]);
  });

  test('answers with a pod that is still being stopped', async () => {
    expect(await kube.json('DELETE', `${PODS}/a`)).toMatchObject({ kind: 'Pod', metadata: { deletionGracePeriodSeconds: 30 } });
    expect(await kube.json('DELETE', `${PODS}/a?gracePeriodSeconds=0`)).toMatchObject({ kind: 'Pod' });
    expect(getResource(kube.keyspace.view(), 'Pod', 'default', 'a')).toBeUndefined();
  });

  test('removes nothing on a dry run', async () => {
    await kube.json('DELETE', `${DEPLOYMENTS}/web`, { dryRun: ['All'] });
    await kube.json('DELETE', `${DEPLOYMENTS}/web?dryRun=All`);
    expect(await names(DEPLOYMENTS)).toEqual(['web']);
    expect(kube.writes).toEqual([]);
  });

  test.each([
    ['a uid that is not its own', { preconditions: { uid: 'other' } }, 409],
    ['a policy that does not exist', { propagationPolicy: 'Sideways' }, 400],
    ['malformed options', '{', 400],
  ])('refuses %s', async (_what, body, code) => {
    expect((await kube.refused('DELETE', `${DEPLOYMENTS}/web`, body)).code).toBe(code);
    expect(await names(DEPLOYMENTS)).toEqual(['web']);
  });

  test('deletes what a selector selects, at once', async () => {
    const list = await kube.json<{ items: unknown[] }>('DELETE', `${CONFIG_MAPS}?labelSelector=app%3Dx`);
    expect(list.items).toHaveLength(2);
    expect(await names(CONFIG_MAPS)).toEqual(['y1']);
    expect(kube.writes).toHaveLength(1);
  });

  test('refuses to delete a collection in all namespaces', async () => {
    expect((await kube.refused('DELETE', '/api/v1/configmaps')).code).toBe(400);
  });
});
