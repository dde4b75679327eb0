import { describe, expect, test } from '@jest/globals';
import { deployment, fixedContext, newCluster, pod, refusal } from '../testing/fixtures.ts';
import type { KindName } from '../schema/kinds.ts';
import { createResource } from '../write.ts';

const meta = (name: string) => ({ metadata: { name, namespace: 'default' } });

/** The fields that a creation is refused for. */
const wrongFields = async (kind: KindName, object: object) => {
  const error = await refusal(await newCluster(), (txn) => createResource(txn, kind, object, fixedContext()));
  return error.status.details?.causes?.map((cause) => cause.field);
};

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
