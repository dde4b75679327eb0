import { describe, expect, test } from '@jest/globals';
import { container, node, pod, running } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import type { PodSpec } from '../resources/schema/pod.ts';
import { FIRST_SETTINGS } from './assignment.ts';
import { assignmentETag, assignmentOf } from './assignment-of.ts';

const SETTINGS = FIRST_SETTINGS;
const data = (kind: 'ConfigMap' | 'Secret', name: string, value = 'dg==', namespace = 'default') =>
  ({ apiVersion: 'v1', kind, metadata: { name, namespace }, data: { key: value } }) as { kind: string };
const read = (cluster: TestCluster, nodeName = 'n1') => assignmentOf(cluster.state, 'c1', nodeName, SETTINGS);
const etag = (cluster: TestCluster, nodeName = 'n1') => assignmentETag(read(cluster, nodeName)!);
const named = (objects: readonly { metadata: { name: string } }[] = []) => objects.map(({ metadata }) => metadata.name);

describe('an assignment', () => {
  test('holds the pods of that node, those on their way out too, and no others', async () => {
    const cluster = await TestCluster.with(
      node('n1'),
      node('n2'),
      pod('mine', { nodeName: 'n1' }),
      pod('leaving', { nodeName: 'n1' }),
      pod('theirs', { nodeName: 'n2' }),
      pod('nobodys'),
    );
    await cluster.delete('Pod', 'leaving');
    expect(named(read(cluster)?.pods)).toEqual(['leaving', 'mine']);
    expect(read(cluster)?.pods[0]?.metadata.deletionTimestamp).toBeDefined();
    expect(read(cluster)).toMatchObject({ cluster: 'c1', node: { metadata: { name: 'n1' } }, settings: SETTINGS });
  });

  test('holds every ConfigMap and Secret that its pods name, and none beside', async () => {
    const uses: Partial<PodSpec> = {
      initContainers: [container('init', { envFrom: [{ configMapRef: { name: 'c-init' } }] })],
      containers: [
        container('app', {
          env: [
            { name: 'A', valueFrom: { configMapKeyRef: { name: 'c-env', key: 'key' } } },
            { name: 'B', valueFrom: { secretKeyRef: { name: 's-env', key: 'key' } } },
          ],
          envFrom: [{ secretRef: { name: 's-from' } }],
        }),
      ],
      volumes: [
        { name: 'c', configMap: { name: 'c-volume' } },
        { name: 's', secret: { secretName: 's-volume' } },
      ],
      imagePullSecrets: [{ name: 's-pull' }],
    };
    const cluster = await TestCluster.with(
      { kind: 'Namespace', metadata: { name: 'other' } } as { kind: string },
      node('n1'),
      pod('p', { nodeName: 'n1', spec: uses }),
      ...['c-init', 'c-env', 'c-volume', 'c-unused'].map((name) => data('ConfigMap', name)),
      ...['s-env', 's-from', 's-volume', 's-pull', 's-unused'].map((name) => data('Secret', name)),
      data('Secret', 's-env', 'dg==', 'other'),
    );
    expect(named(read(cluster)?.configMaps)).toEqual(['c-env', 'c-init', 'c-volume']);
    expect(named(read(cluster)?.secrets)).toEqual(['s-env', 's-from', 's-pull', 's-volume']);
    expect(read(cluster)?.secrets.every(({ metadata }) => metadata.namespace === 'default')).toBe(true);
  });

  test('does not exist for a node that does not', async () => {
    expect(read(await TestCluster.with(node('n1')), 'n2')).toBeUndefined();
  });

  test('keeps its ETag through commits and reports that do not concern the host', async () => {
    const cluster = await TestCluster.with(node('n1'), node('n2'), pod('p', { nodeName: 'n1' }), data('ConfigMap', 'other'));
    const before = etag(cluster);
    await cluster.setStatus('Pod', 'p', running(true));
    await cluster.setStatus('Node', 'n1', { capacity: { cpu: '8' } }, '');
    await cluster.edit('ConfigMap', 'other', (each) => void (each.data = { key: 'new' }));
    await cluster.create(pod('q', { nodeName: 'n2' }));
    expect(etag(cluster)).toBe(before);
  });

  test.each<[string, (cluster: TestCluster) => Promise<void>]>([
    ['a pod comes', (cluster) => cluster.create(pod('q', { nodeName: 'n1' }))],
    ['a pod shall stop', (cluster) => cluster.delete('Pod', 'p')],
    ['a pod has ended', (cluster) => cluster.setStatus('Pod', 'p', { phase: 'Succeeded' })],
    [
      'a ConfigMap that it reads changes',
      (cluster) => cluster.edit('ConfigMap', 'c', (each) => void (each.data = { key: 'new' })),
    ],
    ['the node is labelled', (cluster) => cluster.edit('Node', 'n1', ({ metadata }) => void (metadata.labels = { a: 'b' }), '')],
  ])('changes its ETag when %s', async (_, change) => {
    const volumes = [{ name: 'c', configMap: { name: 'c' } }];
    const cluster = await TestCluster.with(node('n1'), data('ConfigMap', 'c'), pod('p', { nodeName: 'n1', spec: { volumes } }));
    const before = etag(cluster);
    await change(cluster);
    expect(etag(cluster)).not.toBe(before);
  });
});
