import { describe, expect, test } from '@jest/globals';
import { deployment, fixedContext, inTxn, newCluster, pod, refusal } from '../testing/fixtures.ts';
import { createResource, updateResource } from '../write.ts';
import type { KindName } from '../schema/kinds.ts';
import { findKind, kindByAnyName, kindByPlural, kinds } from './index.ts';

const made = async (kind: KindName, object: object) => {
  const cluster = await newCluster();
  return inTxn(cluster, (txn) => createResource(txn, kind, object, fixedContext()));
};
const meta = (name: string) => ({ metadata: { name, namespace: 'default' } });

/** The fields that a creation is refused for. */
const wrongFields = async (kind: KindName, object: object) => {
  const error = await refusal(await newCluster(), (txn) => createResource(txn, kind, object, fixedContext()));
  return error.status.details?.causes?.map((cause) => cause.field);
};

describe('the registry of kinds', () => {
  test('finds a kind by every name that people and URLs use', () => {
    for (const name of ['deployments', 'deployment', 'deploy', 'Deployment', 'deployments.apps'])
      expect(kindByAnyName(name)?.kind).toBe('Deployment');
    expect(kindByPlural('apps', 'v1', 'deployments')?.kind).toBe('Deployment');
    expect(findKind('apps/v1', 'Deployment')?.kind).toBe('Deployment');
    expect([findKind('v1', 'Deployment'), kindByPlural('', 'v1', 'deployments'), kindByAnyName('constructor')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
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

describe('what is refused, by the field that is wrong', () => {
  const container = { name: 'c', image: 'i' };
  const inPod = (extra: object, spec: object = {}) => pod('a', { containers: [{ ...container, ...extra }], ...spec });
  test.each([
    ['two containers of one name', pod('a', { containers: [container, container] }), ['spec.containers[1].name']],
    ['no container', pod('a', { containers: [] }), ['spec.containers']],
    ['a container name with capitals', inPod({ name: 'C' }), ['spec.containers[0].name']],
    [
      'a mount of no volume',
      inPod({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      ['spec.containers[0].volumeMounts[0].name'],
    ],
    ['a port out of range', inPod({ ports: [{ containerPort: 65536 }] }), ['spec.containers[0].ports[0].containerPort']],
    [
      'a port name that is too long',
      inPod({ ports: [{ containerPort: 1, name: 'a-name-that-is-too-long' }] }),
      ['spec.containers[0].ports[0].name'],
    ],
    [
      'two containers on one host port',
      pod('a', {
        containers: [
          { ...container, ports: [{ containerPort: 1, hostPort: 9 }] },
          { ...container, name: 'd', ports: [{ containerPort: 2, hostPort: 9 }] },
        ],
      }),
      ['spec.containers[1].ports[0].hostPort'],
    ],
    [
      'a malformed quantity',
      inPod({ resources: { limits: { cpu: 'lots' } } }),
      ['spec.containers[0].resources.limits[cpu]', 'spec.containers[0].resources.requests[cpu]'],
    ],
    [
      'a request above its limit',
      inPod({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
      ['spec.containers[0].resources.requests'],
    ],
    ['a variable with a space', inPod({ env: [{ name: 'A B', value: '' }] }), ['spec.containers[0].env[0].name']],
    [
      'a variable with two sources',
      inPod({
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' }, configMapKeyRef: { name: 's', key: 'k' } } }],
      }),
      ['spec.containers[0].env[0].valueFrom'],
    ],
    [
      'a field that no variable can have',
      inPod({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.containers' } } }] }),
      ['spec.containers[0].env[0].valueFrom.fieldRef.fieldPath'],
    ],
    ['a probe that does nothing', inPod({ livenessProbe: {} }), ['spec.containers[0].livenessProbe']],
    [
      'a probe of two kinds',
      inPod({ livenessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 1 } } }),
      ['spec.containers[0].livenessProbe.tcpSocket'],
    ],
    [
      'a volume of two kinds',
      inPod({}, { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] }),
      ['spec.volumes[0].hostPath'],
    ],
    [
      'a path that leaves the volume',
      inPod({}, { volumes: [{ name: 'v', configMap: { name: 'c', items: [{ key: 'k', path: '../x' }] } }] }),
      ['spec.volumes[0].configMap.items[0].path'],
    ],
    [
      'a probe of an init container',
      pod('a', {
        containers: [container],
        initContainers: [{ ...container, name: 'i', livenessProbe: { tcpSocket: { port: 1 } } }],
      }),
      ['spec.initContainers[0].livenessProbe'],
    ],
    [
      'a toleration that can not match',
      inPod({}, { tolerations: [{ operator: 'Equal', value: 'x' }] }),
      ['spec.tolerations[0].operator'],
    ],
  ])('Pod: %s', async (_what, object, fields) => {
    expect(await wrongFields('Pod', object)).toEqual(fields);
  });

  test.each([
    ['an empty selector', deployment('web', { selector: {} }), ['spec.selector']],
    [
      'pods that end',
      deployment('web', {
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [container], restartPolicy: 'Never' } },
      }),
      ['spec.template.spec.restartPolicy'],
    ],
    [
      'rolling without a step',
      deployment('web', { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
      ['spec.strategy.rollingUpdate.maxUnavailable'],
    ],
    [
      'settings of another strategy',
      deployment('web', { strategy: { type: 'Recreate', rollingUpdate: {} } }),
      ['spec.strategy.rollingUpdate'],
    ],
    ['negative replicas', deployment('web', { replicas: -1 }), ['spec.replicas']],
  ])('Deployment: %s', async (_what, object, fields) => {
    expect(await wrongFields('Deployment', object)).toEqual(fields);
  });

  test.each<[string, KindName, object, string[]]>([
    ['a service without ports', 'Service', { ...meta('s'), spec: {} }, ['spec.ports']],
    [
      'several ports without names',
      'Service',
      { ...meta('s'), spec: { ports: [{ port: 1 }, { port: 2, name: 'b' }] } },
      ['spec.ports[0].name'],
    ],
    [
      'one port twice',
      'Service',
      {
        ...meta('s'),
        spec: {
          ports: [
            { port: 1, name: 'a' },
            { port: 1, name: 'b' },
          ],
        },
      },
      ['spec.ports[1]'],
    ],
    ...(
      [
        [
          'a peer of two kinds',
          { ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
          'spec.ingress[0].from[0]',
        ],
        ['no peer', { egress: [{ to: [{}] }] }, 'spec.egress[0].to[0]'],
        ['a block of IPv6', { ingress: [{ from: [{ ipBlock: { cidr: 'fd00::/8' } }] }] }, 'spec.ingress[0].from[0].ipBlock.cidr'],
        [
          'an exception that is outside',
          { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }] },
          'spec.ingress[0].from[0].ipBlock.except[0]',
        ],
        [
          'a range that ends before it begins',
          { ingress: [{ ports: [{ port: 9, endPort: 8 }] }] },
          'spec.ingress[0].ports[0].endPort',
        ],
        ['a range of a name', { ingress: [{ ports: [{ port: 'http', endPort: 8 }] }] }, 'spec.ingress[0].ports[0].endPort'],
        ['another direction', { policyTypes: ['Sideways'] }, 'spec.policyTypes[0]'],
      ] as const
    ).map(([what, spec, field]): [string, KindName, object, string[]] => [
      `a policy with ${what}`,
      'NetworkPolicy',
      { ...meta('p'), spec },
      [field],
    ]),
    [
      'a slice of loopback addresses',
      'EndpointSlice',
      { ...meta('s'), addressType: 'IPv4', endpoints: [{ addresses: ['127.0.0.1'] }, { addresses: ['169.254.169.254'] }] },
      ['endpoints[0].addresses[0]', 'endpoints[1].addresses[0]'],
    ],
    ['a slice of IPv6', 'EndpointSlice', { ...meta('s'), addressType: 'IPv6', endpoints: [] }, ['addressType']],
    ['a service name that starts with a digit', 'Service', { ...meta('1s'), spec: { ports: [{ port: 1 }] } }, ['metadata.name']],
    ['a namespace name with a dot', 'Namespace', { metadata: { name: 'a.b' } }, ['metadata.name']],
    ['a key with a slash', 'ConfigMap', { ...meta('c'), data: { 'a/b': '' } }, ['data[a/b]']],
    ['a key in both maps', 'ConfigMap', { ...meta('c'), data: { a: '' }, binaryData: { a: '' } }, ['binaryData[a]']],
    ['a value that is not base64', 'Secret', { ...meta('s'), data: { a: 'not base64' } }, ['data[a]']],
    [
      'a taint twice',
      'Node',
      {
        metadata: { name: 'n' },
        spec: {
          taints: [
            { key: 'a', effect: 'NoSchedule' },
            { key: 'a', effect: 'NoSchedule' },
          ],
        },
      },
      ['spec.taints[1]'],
    ],
    [
      'a label value with a space',
      'ConfigMap',
      { metadata: { ...meta('c').metadata, labels: { a: 'b c' } } },
      ['metadata.labels'],
    ],
    [
      'two controllers',
      'ConfigMap',
      {
        metadata: {
          ...meta('c').metadata,
          ownerReferences: ['1', '2'].map((uid) => ({ apiVersion: 'v1', kind: 'Pod', name: 'p', uid, controller: true })),
        },
      },
      ['metadata.ownerReferences'],
    ],
    [
      'a finalizer without a domain',
      'ConfigMap',
      { metadata: { ...meta('c').metadata, finalizers: ['mine'] } },
      ['metadata.finalizers[0]'],
    ],
  ])('%s', async (_what, kind, object, fields) => {
    expect(await wrongFields(kind, object)).toEqual(fields);
  });

  test('a secret value is never quoted', async () => {
    const error = await refusal(await newCluster(), (txn) =>
      createResource(txn, 'Secret', { ...meta('s'), data: { a: 'hunter2!' } }, fixedContext()),
    );
    expect(JSON.stringify(error.status)).not.toContain('hunter2');
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
