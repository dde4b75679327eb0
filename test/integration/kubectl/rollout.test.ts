import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Deployment } from '../../../core/resources/schema/deployment.ts';
import { createResource, getResource, updateResource } from '../../../core/resources/write.ts';
import { findKubectls } from './kubectls.ts';
import { deployment } from './manifests.ts';
import { type ServedCluster, serveCluster } from './served-cluster.ts';

jest.setTimeout(120_000);
const kubectls = await findKubectls();
const REVISION = 'deployment.kubernetes.io/revision';

/** No controllers run here: the test writes what they would. */
describe.each(kubectls)('kubectl $version rollout', (kubectl) => {
  let cluster: ServedCluster;
  beforeAll(async () => {
    cluster = await serveCluster(kubectl);
    await cluster.ok('apply', '-f', await cluster.file('web.json', deployment('web', 'web:1')));
    await finishRollout(1);
    await cluster.ok('apply', '-f', await cluster.file('web.json', deployment('web', 'web:2')));
    await finishRollout(2);
  });
  afterAll(() => cluster.stop());

  const stored = () => getResource(cluster.keyspace.view(), 'Deployment', 'default', 'web')!;

  /** A ReplicaSet of this revision, and a Deployment status that says all is done. */
  async function finishRollout(revision: number): Promise<void> {
    await cluster.commit((txn) => {
      const { metadata, spec } = getResource(txn, 'Deployment', 'default', 'web')!;
      const labels = { ...spec.template.metadata!.labels, 'pod-template-hash': String(revision) };
      const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: metadata.uid, controller: true };
      const set = {
        metadata: {
          name: `web-${revision}`,
          namespace: 'default',
          labels,
          annotations: { [REVISION]: String(revision) },
          ownerReferences: [owner],
        },
        spec: { replicas: 2, selector: { matchLabels: labels }, template: { ...spec.template, metadata: { labels } } },
      };
      createResource(txn, 'ReplicaSet', set, cluster.ctx);
      const annotated = { ...metadata, annotations: { ...metadata.annotations, [REVISION]: String(revision) } };
      updateResource(txn, { ...getResource(txn, 'Deployment', 'default', 'web')!, metadata: annotated }, cluster.ctx);
    });
    await setStatus(2);
  }

  async function setStatus(updatedReplicas: number): Promise<void> {
    await cluster.commit((txn) => {
      const now = getResource(txn, 'Deployment', 'default', 'web')!;
      const { generation } = now.metadata;
      const conditions = [
        { type: 'Available', status: 'True' as const, reason: 'MinimumReplicasAvailable' },
        { type: 'Progressing', status: 'True' as const, reason: 'NewReplicaSetAvailable' },
      ];
      const status: Deployment['status'] = {
        observedGeneration: generation!,
        replicas: 2,
        updatedReplicas,
        readyReplicas: 2,
        availableReplicas: 2,
        conditions,
      };
      updateResource(txn, { ...now, status }, cluster.ctx, { subresource: 'status' });
    });
  }

  test('status says that it is done', async () => {
    expect(await cluster.ok('rollout', 'status', 'deployment/web', '--timeout=30s')).toBe(
      'deployment "web" successfully rolled out\n',
    );
  });

  test('status follows a rollout until it is done', async () => {
    await setStatus(1);
    let finished = false;
    const { stdout, code } = await cluster.kubectlWith(
      {
        until(text) {
          if (!finished && text.includes('1 out of 2 new replicas have been updated')) {
            finished = true;
            void setStatus(2);
          }
          return false;
        },
      },
      'rollout',
      'status',
      'deployment/web',
      '--timeout=50s',
    );
    expect([code, stdout]).toEqual([0, expect.stringMatching(/successfully rolled out\n$/)]);
  });

  test('history lists the revisions, and shows one', async () => {
    expect(await cluster.ok('rollout', 'history', 'deployment/web')).toMatch(/REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>/);
    expect(await cluster.ok('rollout', 'history', 'deployment/web', '--revision=1')).toMatch(/Image:\s+web:1/);
  });

  test('undo brings the template of the revision before back', async () => {
    expect(await cluster.ok('rollout', 'undo', 'deployment/web')).toBe('deployment.apps/web rolled back\n');
    expect(stored().spec.template.spec.containers[0]!.image).toBe('web:1');
    expect(stored().spec.template.metadata!.labels).toEqual({ app: 'web' });
    expect(await cluster.fails('rollout', 'undo', 'deployment/web', '--to-revision=9')).toContain(
      'unable to find specified revision 9',
    );
  });

  test('restart marks the template, pause and resume hold it', async () => {
    await cluster.ok('rollout', 'restart', 'deployment/web');
    expect(stored().spec.template.metadata!.annotations).toHaveProperty(['kubectl.kubernetes.io/restartedAt']);
    await cluster.ok('rollout', 'pause', 'deployment/web');
    expect(stored().spec.paused).toBe(true);
    await cluster.ok('rollout', 'resume', 'deployment/web');
    expect(stored().spec.paused ?? false).toBe(false);
  });
});
