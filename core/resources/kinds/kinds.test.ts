import { describe, expect, test } from '@jest/globals';
import { deployment, fixedContext, inTxn, newCluster, pod, refusal } from '../testing/fixtures.ts';
import { createResource, updateResource } from '../write.ts';
import type { KindName } from '../schema/kinds.ts';
import { findKind, kindByPlural, kinds } from './index.ts';

const made = async (kind: KindName, object: object) => {
  const cluster = await newCluster();
  return inTxn(cluster, (txn) => createResource(txn, kind, object, fixedContext()));
};
const meta = (name: string) => ({ metadata: { name, namespace: 'default' } });

describe('the registry of kinds', () => {
  test('finds a kind as URLs and objects name it', () => {
    expect(kindByPlural('apps', 'v1', 'deployments')?.kind).toBe('Deployment');
    expect(findKind('apps/v1', 'Deployment')?.kind).toBe('Deployment');
    expect([findKind('v1', 'Deployment'), kindByPlural('', 'v1', 'deployments')]).toEqual([undefined, undefined]);
  });

  test('has no name twice', () => {
    const names = kinds.flatMap(({ plural, singular, shortNames }) => [plural, singular, ...shortNames]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('defaults are those of Kubernetes', () => {
  test('of a pod', async () => {
    const container = {
      name: 'c',
      image: 'web',
      ports: [{ containerPort: 80 }],
      resources: { limits: { cpu: 1, memory: '0.5Gi' }, requests: { cpu: '100m' } },
      env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
      livenessProbe: { httpGet: { port: 80 } },
    };
    const volumes = [
      { name: 'e' },
      { name: 'c', configMap: { name: 'c' } },
      { name: 's', secret: { secretName: 's' } },
      { name: 'h', hostPath: { path: '/x' } },
    ];
    expect(await made('Pod', pod('a', { containers: [container], volumes }))).toMatchObject({
      spec: {
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        enableServiceLinks: true,
        schedulerName: 'default-scheduler',
        securityContext: {},
        containers: [
          {
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            resources: { limits: { cpu: '1', memory: '512Mi' }, requests: { cpu: '100m', memory: '512Mi' } },
            env: [{ valueFrom: { fieldRef: { apiVersion: 'v1' } } }],
            livenessProbe: {
              httpGet: { path: '/', scheme: 'HTTP' },
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
          },
        ],
        volumes: [
          { emptyDir: {} },
          { configMap: { defaultMode: 420 } },
          { secret: { defaultMode: 420 } },
          { hostPath: { type: '' } },
        ],
      },
      status: { phase: 'Pending', qosClass: 'Burstable' },
    });
  });

  test.each([
    ['web', 'Always'],
    ['web:latest', 'Always'],
    ['localhost:5000/web', 'Always'],
    ['localhost:5000/web:1', 'IfNotPresent'],
    ['web@sha256:abc', 'IfNotPresent'],
  ])('of the pull policy: %s is pulled %s', async (image, policy) => {
    expect(await made('Pod', pod('a', { containers: [{ name: 'c', image }] }))).toMatchObject({
      spec: { containers: [{ imagePullPolicy: policy }] },
    });
  });

  test.each([
    [{}, 'BestEffort'],
    [{ requests: { cpu: '1' } }, 'Burstable'],
    [{ limits: { cpu: '1' } }, 'Burstable'],
    [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1m' } }, 'Burstable'],
  ])('of the quality of service: %j is %s', async (resources, qosClass) => {
    expect(await made('Pod', pod('a', { containers: [{ name: 'c', image: 'i', resources }] }))).toMatchObject({
      status: { qosClass },
    });
  });

  test('of a service, a namespace and a secret', async () => {
    const ports = [{ port: 80 }];
    expect(await made('Service', { ...meta('s'), spec: { ports } })).toMatchObject({
      spec: { type: 'ClusterIP', sessionAffinity: 'None', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] },
    });
    expect(await made('Namespace', { metadata: { name: 'team' } })).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'team' } },
      status: { phase: 'Active' },
    });
    const secret = await made('Secret', { ...meta('s'), data: { a: 'YQ==' }, stringData: { b: 'ü' } });
    expect(secret).toMatchObject({ type: 'Opaque', data: { a: 'YQ==', b: Buffer.from('ü').toString('base64') } });
    expect(secret).not.toHaveProperty('stringData');
  });

  test('applied again change nothing', async () => {
    const cluster = await newCluster();
    const ctx = fixedContext();
    for (const [kind, object] of [
      ['Pod', pod('a')],
      ['Deployment', deployment('a')],
      ['Service', { ...meta('a'), spec: { ports: [{ port: 1 }] } }],
      ['Namespace', { metadata: { name: 'a' } }],
    ] as const) {
      const first = await inTxn(cluster, (txn) => createResource(txn, kind, object, ctx));
      const second = await inTxn(cluster, (txn) => updateResource(txn, first, ctx));
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    }
  });
});

describe('what may not change', () => {
  const changed = async (kind: KindName, object: object, change: (object: Record<string, unknown>) => void) => {
    const cluster = await newCluster();
    const ctx = fixedContext();
    const first = await inTxn(cluster, (txn) => createResource(txn, kind, object, ctx));
    const next = structuredClone(first);
    change(next as unknown as Record<string, unknown>);
    return (await refusal(cluster, (txn) => updateResource(txn, next, ctx))).status.details!.causes!.map((cause) => cause.field);
  };

  test('the data of an immutable ConfigMap, nor its immutability', async () => {
    const object = { ...meta('c'), data: { a: '1' }, immutable: true };
    expect(await changed('ConfigMap', object, (next) => Object.assign(next, { data: { a: '2' }, immutable: false }))).toEqual([
      'immutable',
      'data',
    ]);
  });

  test('the type of a Secret', async () => {
    expect(await changed('Secret', meta('s'), (next) => Object.assign(next, { type: 'other' }))).toEqual(['type']);
  });

  test("a Service's address", async () => {
    const object = { ...meta('s'), spec: { clusterIP: '10.96.0.1', ports: [{ port: 1 }] } };
    const other = { clusterIP: '10.96.0.2', clusterIPs: ['10.96.0.2'] };
    expect(await changed('Service', object, (next) => Object.assign(next.spec as object, other))).toEqual(['spec.clusterIPs[0]']);
  });
});
