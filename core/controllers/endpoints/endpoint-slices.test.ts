import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { container, node, pod, running } from '../../../test/support/builders.ts';
import { TestCluster } from '../../../test/support/cluster.ts';
import { contentDigest } from '../digest.ts';
import type { PodStatus } from '../../resources/schema/pod.ts';
import type { EndpointSlice } from '../../resources/schema/endpoint-slice.ts';
import { ENDPOINTS_PER_SLICE, packSlices } from './pack-slices.ts';

const service = (name: string, spec: object = {}) =>
  ({
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
  }) as {
    kind: string;
  };
const at = (ip: string, ready = true): PodStatus => ({ ...running(ready), podIP: ip });
const web = (name: string, ip: string | undefined, spec = {}) =>
  pod(name, { nodeName: 'n1', labels: { app: 'web' }, status: ip ? at(ip) : { phase: 'Pending' }, spec });
const addresses = (slices: readonly EndpointSlice[], wanted = (ready: boolean) => ready) =>
  slices
    .flatMap(({ endpoints = [] }) => endpoints.filter(({ conditions }) => wanted(conditions?.ready === true)))
    .map((endpoint) => endpoint.addresses[0]);

describe('the endpoints of a Service', () => {
  test('are its pods that have an address, each with its host and whether it is ready', async () => {
    const cluster = await TestCluster.with(
      node('n1'),
      service('web'),
      web('a', '10.0.0.1'),
      pod('b', { nodeName: 'n1', labels: { app: 'web' }, status: at('10.0.0.2', false) }),
      web('c', undefined),
      pod('d', { nodeName: 'n1', labels: { app: 'web' }, status: { ...at('10.0.0.4'), phase: 'Succeeded' } }),
      pod('other', { nodeName: 'n1', labels: { app: 'db' }, status: at('10.0.0.5') }),
    );
    await cluster.settle();
    const [slice, ...more] = cluster.list('EndpointSlice');
    expect(more).toEqual([]);
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      metadata: {
        labels: {
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
        ownerReferences: [{ kind: 'Service', name: 'web', controller: true }],
      },
      ports: [{ name: '', port: 80, protocol: 'TCP' }],
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          nodeName: 'n1',
          conditions: { ready: true, serving: true, terminating: false },
          targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: expect.any(String) },
        },
        { addresses: ['10.0.0.2'], conditions: { ready: false, serving: false } },
      ],
    });
  });

  test('that end take no new traffic, unless the Service publishes what is not ready', async () => {
    const cluster = await TestCluster.with(node('n1'), service('web'), web('a', '10.0.0.1'), web('b', '10.0.0.2'));
    await cluster.delete('Pod', 'a');
    await cluster.settle();
    expect(addresses(cluster.list('EndpointSlice'))).toEqual(['10.0.0.2']);
    await cluster.edit('Service', 'web', ({ spec }) => void (spec!.publishNotReadyAddresses = true));
    await cluster.settle();
    expect(addresses(cluster.list('EndpointSlice'))).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  test('follow their pods, and end with the Service', async () => {
    const cluster = await TestCluster.with(node('n1'), service('web'), web('a', '10.0.0.1'));
    await cluster.settle();
    await cluster.setStatus('Pod', 'a', at('10.0.0.9'));
    await cluster.settle();
    expect(addresses(cluster.list('EndpointSlice'))).toEqual(['10.0.0.9']);
    await cluster.delete('Pod', 'a', { gracePeriodSeconds: 0 });
    await cluster.settle();
    expect(cluster.list('EndpointSlice')).toMatchObject([{ endpoints: [] }]);
    await cluster.delete('Service', 'web');
    await cluster.settle();
    expect(cluster.list('EndpointSlice')).toEqual([]);
  });

  test('have named ports by the numbers that their own containers give them', async () => {
    const ports = (containerPort: number) => ({ containers: [container('app', { ports: [{ name: 'http', containerPort }] })] });
    const cluster = await TestCluster.with(
      node('n1'),
      service('web', { ports: [{ port: 80, targetPort: 'http' }] }),
      web('old', '10.0.0.1', ports(8080)),
      web('new', '10.0.0.2', ports(9090)),
    );
    await cluster.settle();
    const byPort = cluster.list('EndpointSlice').map((slice) => [slice.ports?.[0]?.port, addresses([slice])]);
    expect(new Map(byPort as [number, string[]][])).toEqual(
      new Map([
        [8080, ['10.0.0.1']],
        [9090, ['10.0.0.2']],
      ]),
    );
  });

  test.each(['127.0.0.1', '169.254.169.254', '10.0.0.1 ; flush ruleset', ''])(
    'are not what a host says that is no address of a pod: %j',
    async (ip) => {
      const cluster = await TestCluster.with(node('n1'), service('web'), web('a', ip), web('b', '10.0.0.2'));
      const { problems } = await cluster.settle();
      expect(problems).toEqual([]);
      expect(addresses(cluster.list('EndpointSlice'))).toEqual(['10.0.0.2']);
    },
  );

  test('written by hand, for a Service without a selector, are left alone', async () => {
    const byHand = {
      kind: 'EndpointSlice',
      metadata: { name: 'mine', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }],
      ports: [{ port: 5432 }],
    };
    const cluster = await TestCluster.with(service('db', { selector: {} }), byHand);
    await cluster.settle();
    expect(cluster.list('EndpointSlice')).toMatchObject([
      { metadata: { name: 'mine' }, endpoints: [{ addresses: ['192.0.2.1'] }] },
    ]);
  });

  test('of a host that is silent are not ready', async () => {
    const cluster = await TestCluster.with(node('n1'), service('web'), web('a', '10.0.0.1'));
    cluster.now += 120_000;
    await cluster.settle();
    expect(addresses(cluster.list('EndpointSlice'))).toEqual([]);
  });

  test('are found settled without a look at pods that did not change', async () => {
    const cluster = await TestCluster.with(node('n1'), service('web'), web('a', '10.0.0.1'));
    await cluster.settle();
    const before = cluster.keyspace.view().revision;
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(before);
  });

  test('of Services from before addresses were given out come with one', async () => {
    const cluster = await TestCluster.with(service('web'));
    await cluster.keyspace.transact((txn) => {
      const key = '/registry/core/services/default/web';
      const old = JSON.parse(new TextDecoder().decode(txn.get(key)!.value)) as {
        spec: { clusterIP?: string; clusterIPs?: string[] };
      };
      delete old.spec.clusterIP;
      delete old.spec.clusterIPs;
      txn.put(key, new TextEncoder().encode(JSON.stringify(old)));
    });
    await cluster.settle();
    expect(cluster.get('Service', 'web').spec?.clusterIP).toMatch(/^10\.96\./);
  });
});

describe('slices', () => {
  const ports = [{ name: '', protocol: 'TCP' as const, port: 80 }];
  const endpoint = (number: number) => ({ addresses: [`10.0.${number >> 8}.${number & 255}`], targetRef: { uid: `u${number}` } });
  const stored = (name: string, numbers: readonly number[]) =>
    ({ metadata: { name }, ports, endpoints: numbers.map(endpoint) }) as unknown as EndpointSlice;
  const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);

  test('hold at most 100 endpoints, and one more pod changes one of them', () => {
    const { made } = packSlices([], [{ ports, endpoints: range(250).map(endpoint) }]);
    expect(made.map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 50]);
    const existing = [stored('a', range(100)), stored('b', range(100, 100)), stored('c', range(50, 200))];
    const next = packSlices(existing, [{ ports, endpoints: range(251).map(endpoint) }]);
    expect(next.made).toEqual([]);
    const changed = next.kept.filter(({ slice, endpoints }) => endpoints.length !== slice.endpoints!.length);
    expect(changed.map(({ slice }) => slice.metadata.name)).toEqual(['c']);
  });

  test('hold each wanted endpoint exactly once, whatever was there before', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 300 });
    fc.assert(
      fc.property(numbers, fc.array(numbers, { maxLength: 4 }), (wanted, before) => {
        const existing = before.map((list, index) => stored(`s${index}`, list.slice(0, ENDPOINTS_PER_SLICE)));
        const { kept, made, dropped } = packSlices(existing, [{ ports, endpoints: wanted.map(endpoint) }]);
        const held = [...kept, ...made].flatMap(({ endpoints }) => endpoints.map(({ targetRef }) => targetRef!.uid!));
        expect(contentDigest(held.sort())).toBe(contentDigest(wanted.map((number) => `u${number}`).sort()));
        expect([...kept, ...made].every(({ endpoints }) => endpoints.length <= ENDPOINTS_PER_SLICE)).toBe(true);
        expect(kept.length + made.length).toBeGreaterThan(0);
        expect(kept.length + dropped.length).toBe(existing.length);
      }),
      { numRuns: 200 },
    );
  });
});
