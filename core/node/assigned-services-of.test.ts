import { describe, expect, test } from '@jest/globals';
import { node, pod, running } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import { FIRST_SETTINGS } from './assignment.ts';
import { assignmentETag, assignmentOf } from './assignment-of.ts';

const service = (name: string, spec: object = {}) =>
  ({
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { selector: { app: 'web' }, clusterIP: '10.96.0.10', ports: [{ port: 80 }], ...spec },
  }) as { kind: string };
const web = (name: string, nodeName: string, podIP: string, ready = true) =>
  pod(name, { nodeName, labels: { app: 'web' }, status: { ...running(ready), podIP } });
const cluster = async (...objects: readonly { kind: string }[]) => {
  const made = await TestCluster.with(node('n1'), node('n2'), ...objects);
  await made.settle();
  return made;
};
const assigned = (each: TestCluster, name = 'n1') => assignmentOf(each.state, 'c', name, FIRST_SETTINGS)!;
const etag = (each: TestCluster, name = 'n1') => assignmentETag(assigned(each, name));

describe('what a host is told of Services', () => {
  test('is every Service with the endpoints that take traffic, wherever they are', async () => {
    const each = await cluster(
      service('web'),
      web('a', 'n1', '10.0.0.1'),
      web('b', 'n2', '10.0.1.1'),
      web('c', 'n2', '10.0.1.2', false),
    );
    const services = [
      {
        namespace: 'default',
        name: 'web',
        type: 'ClusterIP',
        clusterIP: '10.96.0.10',
        ports: [{ protocol: 'TCP', port: 80 }],
        subsets: [
          {
            ports: [80],
            endpoints: [
              { ip: '10.0.0.1', node: 'n1', pod: 'a' },
              { ip: '10.0.1.1', node: 'n2', pod: 'b' },
            ],
          },
        ],
      },
    ];
    expect(assigned(each, 'n1').services).toEqual(services);
    expect(assigned(each, 'n2').services).toEqual(services);
  });

  test('says how traffic is to be spread', async () => {
    const spec = {
      type: 'NodePort',
      externalIPs: ['192.0.2.1'],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      externalTrafficPolicy: 'Local',
      ports: [{ name: 'http', port: 80, nodePort: 30_080 }],
    };
    expect(assigned(await cluster(service('web', spec))).services).toEqual([
      {
        namespace: 'default',
        name: 'web',
        type: 'NodePort',
        clusterIP: '10.96.0.10',
        externalIPs: ['192.0.2.1'],
        affinitySeconds: 60,
        externalLocal: true,
        ports: [{ name: 'http', protocol: 'TCP', port: 80, nodePort: 30_080 }],
        subsets: [],
      },
    ]);
  });

  test('has external names without a dot at the end, and headless Services without an address', async () => {
    const each = await cluster(
      service('away', { type: 'ExternalName', externalName: 'db.example.com.', clusterIP: undefined, ports: undefined }),
      service('headless', { clusterIP: 'None', ports: undefined }),
      web('a', 'n1', '10.0.0.1'),
    );
    expect(assigned(each).services).toMatchObject([
      { name: 'away', type: 'ExternalName', externalName: 'db.example.com', subsets: [] },
      { name: 'headless', ports: [], subsets: [{ ports: [], endpoints: [{ ip: '10.0.0.1' }] }] },
    ]);
    expect(assigned(each).services![1]).not.toHaveProperty('clusterIP');
  });

  test('has pods that end, when no others are left and they still answer', async () => {
    const each = await cluster(service('web'), web('a', 'n1', '10.0.0.1'), web('b', 'n1', '10.0.0.2'));
    await each.delete('Pod', 'a');
    await each.settle();
    expect(assigned(each).services![0]!.subsets[0]!.endpoints.map(({ ip }) => ip)).toEqual(['10.0.0.2']);
    await each.delete('Pod', 'b');
    await each.settle();
    expect(assigned(each).services![0]!.subsets[0]!.endpoints.map(({ ip }) => ip)).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  test('is nothing at all without Services', async () => {
    expect(assigned(await cluster())).not.toHaveProperty('services');
  });

  test('is a new assignment when an endpoint comes, and none while it only gets ready to', async () => {
    const each = await cluster(service('web'));
    const before = etag(each, 'n2');
    await each.create(web('a', 'n1', '10.0.0.1', false));
    await each.settle();
    expect(each.list('EndpointSlice')).toMatchObject([{ endpoints: [{ addresses: ['10.0.0.1'] }] }]);
    expect(etag(each, 'n2')).toBe(before);
    await each.setStatus('Pod', 'a', { ...running(true), podIP: '10.0.0.1' });
    await each.settle();
    const after = etag(each, 'n2');
    expect(after).not.toBe(before);
    await each.edit('Service', 'web', ({ metadata }) => void (metadata.annotations = { note: 'nothing to route' }));
    expect(etag(each, 'n2')).toBe(after);
  });
});
