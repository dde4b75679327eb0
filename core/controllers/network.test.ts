import { describe, expect, test } from '@jest/globals';
import { heard, node, pod, podReport, running, SECOND } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import type { NetworkSpec } from '../resources/schema/network.ts';

const network = (spec: NetworkSpec) => ({ apiVersion: 'terrane.dev/v1', kind: 'Network', metadata: { name: 'default' }, spec });
/** Room for three. */
const TINY = network({ network: '10.9.0.0/28', hostPrefix: 30, backend: { type: 'vxlan' } });
const subnets = (cluster: TestCluster) => cluster.list('Node').map(({ metadata, spec }) => [metadata.name, spec?.podCIDR]);

async function settled(...objects: { kind: string }[]): Promise<TestCluster> {
  const cluster = await TestCluster.with(...objects);
  await cluster.settle();
  return cluster;
}

describe('the network controller', () => {
  test('makes a network for a cluster with hosts, and none for one without', async () => {
    expect((await settled()).list('Network')).toEqual([]);
    const cluster = await settled(node('n1'), node('n2'));
    expect(cluster.get('Network', 'default').status).toMatchObject({ capacity: 255, leased: 2 });
    const [[, first], [, second]] = subnets(cluster) as [[string, string], [string, string]];
    expect([first, second].every((subnet) => /^10\.244\.\d+\.0\/24$/.test(subnet))).toBe(true);
    expect(first).not.toBe(second);
    expect(cluster.get('Node', 'n1').spec?.podCIDRs).toEqual([first]);
  });

  test('a host has its subnet in the commit that makes its node', async () => {
    const cluster = await TestCluster.with();
    cluster.inbox = [heard('n1', cluster.now)];
    await cluster.settle();
    expect(cluster.get('Node', 'n1').spec?.podCIDR).toMatch(/^10\.244\./);
  });

  test('leaves a lease as it is through everything that happens to others', async () => {
    const cluster = await settled(node('n1'), node('n2'));
    const before = subnets(cluster);
    await cluster.create(node('n0'));
    await cluster.settle();
    expect(subnets(cluster)).toEqual(expect.arrayContaining(before));
    const { revision } = cluster.keyspace.view();
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
  });

  test('says whom a full network has no room for, and gives them the first that comes free', async () => {
    const cluster = await settled(TINY, ...['a', 'b', 'c', 'd'].map((name) => node(name)));
    expect(subnets(cluster).filter(([, subnet]) => subnet)).toHaveLength(3);
    expect(cluster.get('Network', 'default').status).toMatchObject({
      capacity: 3,
      leased: 3,
      waiting: ['d'],
      conditions: [{ type: 'Full', status: 'True', reason: 'NetworkFull' }],
    });
    const [event] = cluster.events('NetworkFull');
    expect(event).toMatchObject({ type: 'Warning', involvedObject: { kind: 'Node', name: 'd' } });
    expect(event!.message).toContain('room for 3 hosts');

    const freed = cluster.get('Node', 'b').spec?.podCIDR;
    await cluster.delete('Node', 'b');
    await cluster.settle();
    expect(cluster.get('Node', 'd').spec?.podCIDR).toBe(freed);
    expect(cluster.get('Network', 'default').status).toMatchObject({
      leased: 3,
      conditions: [{ type: 'Full', status: 'False' }],
    });
    expect(cluster.get('Network', 'default').status?.waiting).toBeUndefined();
  });

  test('a host that is removed gives its subnet back only when its node is gone', async () => {
    const cluster = await TestCluster.with(TINY);
    for (const name of ['a', 'b', 'c', 'd']) cluster.inbox.push(heard(name, cluster.now));
    await cluster.settle();
    await cluster.delete('Node', 'a');
    await cluster.settle();
    const waits = cluster.get('Network', 'default').status?.waiting;
    expect(waits).toHaveLength(1);
    cluster.inbox = cluster.inbox.filter(({ nodeName }) => nodeName !== 'a');
    cluster.now += 30 * SECOND;
    await cluster.settle();
    expect(cluster.list('Node').map(({ metadata }) => metadata.name)).not.toContain('a');
    expect(cluster.get('Network', 'default').status?.waiting).toBeUndefined();
  });

  test('takes a subnet that two claim from the younger one, and says so', async () => {
    const cluster = await TestCluster.with(node('n2'));
    await cluster.settle();
    const { podCIDR } = cluster.get('Node', 'n2').spec!;
    cluster.now += 60 * SECOND;
    await cluster.create({ ...node('n1'), spec: { podCIDR } } as { kind: string });
    await cluster.settle();
    expect(cluster.get('Node', 'n2').spec?.podCIDR).toBe(podCIDR);
    expect(cluster.get('Node', 'n1').spec?.podCIDR).not.toBe(podCIDR);
    expect(cluster.events('SubnetLeased').some(({ message }) => message?.includes(`in place of ${podCIDR}`))).toBe(true);
  });

  test('a host that is rebuilt keeps its subnet while its Node is there, and one that was removed has none', async () => {
    const cluster = await settled(TINY, ...['a', 'b', 'c'].map((name) => node(name)));
    const before = cluster.get('Node', 'b');
    // Another disk, another boot, another address, in another place: it reports as the same Node.
    cluster.inbox = [heard('b', cluster.now)];
    await cluster.settle();
    expect(cluster.get('Node', 'b').metadata.uid).toBe(before.metadata.uid);
    expect(cluster.get('Node', 'b').spec?.podCIDR).toBe(before.spec?.podCIDR);

    // Of two that want the one that is free, who was there first gets it: the name gives no right to it.
    await cluster.create(node('d'));
    await cluster.settle();
    cluster.inbox = [];
    await cluster.delete('Node', 'b');
    await cluster.settle();
    cluster.now += 10 * SECOND;
    await cluster.create(node('b'));
    await cluster.settle();
    expect(cluster.get('Node', 'd').spec?.podCIDR).toBe(before.spec?.podCIDR);
    expect(cluster.get('Network', 'default').status?.waiting).toEqual(['b']);
    expect(cluster.get('Node', 'b').metadata.uid).not.toBe(before.metadata.uid);
  });

  test('a lease that holds good is changed by nobody, also not by hand or by an older Node that claims it', async () => {
    const cluster = await settled(node('n1'), node('n2'));
    const before = subnets(cluster);
    const theirs = cluster.get('Node', 'n2').spec?.podCIDR;
    for (const podCIDR of [theirs!, '10.244.9.0/24'])
      await expect(cluster.edit('Node', 'n1', ({ spec }) => void (spec!.podCIDR = podCIDR), '')).rejects.toThrow(
        /is this host's lease, which stays until the host is removed/,
      );
    // Who replaces the Node and doesn't speak of it leaves it as it is.
    await cluster.edit('Node', 'n1', (each) => void (each.spec = { unschedulable: true }), '');
    expect(cluster.get('Node', 'n1').spec).toMatchObject({ unschedulable: true, podCIDR: before[0]![1] });
    await cluster.settle();
    expect(subnets(cluster)).toEqual(before);
  });

  test('two that share a subnet from before that was refused are told apart: the older keeps it', async () => {
    const cluster = await TestCluster.with(network({ backend: { type: 'vxlan' } }));
    const podCIDR = '10.244.7.0/24';
    await cluster.create({ ...node('old'), spec: { podCIDR } } as { kind: string });
    cluster.now += SECOND;
    await cluster.create({ ...node('a-new'), spec: { podCIDR } } as { kind: string });
    await cluster.settle();
    expect(cluster.get('Node', 'old').spec?.podCIDR).toBe(podCIDR);
    expect(cluster.get('Node', 'a-new').spec?.podCIDR).toMatch(/^10\.244\.(?!7\.)\d+\.0\/24$/);
  });

  test('gives everybody a subnet of the new network when the network is changed', async () => {
    const cluster = await settled(node('n1'), node('n2'));
    await cluster.edit('Network', 'default', (one) => void (one.spec = { network: '10.77.0.0/16' }), '');
    await cluster.settle();
    expect(subnets(cluster).every(([, subnet]) => subnet!.startsWith('10.77.'))).toBe(true);
  });

  test('leases nothing when the hosts keep their own networks', async () => {
    expect(subnets(await settled(network({ backend: { type: 'none' } }), node('n1')))).toEqual([['n1', undefined]]);
  });
});

describe('an address that a host reports for its pod', () => {
  const claims: readonly [string, (own: string, other: string) => string, 'counts' | 'is refused', object?][] = [
    ["in the host's own part", (own) => own, 'counts'],
    ["in another host's part", (_, other) => other, 'is refused'],
    ["in another host's part, by a pod on its host's network", (_, other) => other, 'is refused', { hostNetwork: true }],
    ["in the pods' network where nobody has a part", () => '10.244.255.9', 'is refused'],
    ["of Docker's own bridge", () => '172.17.0.5', 'counts'],
    ["of its host, by a pod on its host's network", () => '192.168.7.7', 'counts', { hostNetwork: true }],
  ];
  test.each(claims)('%s', async (_, choose, expected, spec = {}) => {
    const cluster = await settled(node('n1'), node('n2'), pod('claimer', { nodeName: 'n1', spec }));
    const [own, other] = ['n1', 'n2'].map((name) => cluster.get('Node', name).spec!.podCIDR!.replace('.0/24', '.9'));
    const address = choose(own!, other!);
    const status = { ...running(true), podIP: address, podIPs: [{ ip: address }] };
    cluster.inbox = [heard('n1', cluster.now, { pods: [podReport(cluster.pods[0]!, status)] })];
    await cluster.settle();
    const counts = expected === 'counts';
    expect(cluster.pods[0]!.status).toMatchObject({ phase: 'Running' });
    expect(cluster.pods[0]!.status?.podIP).toBe(counts ? address : undefined);
    expect(cluster.pods[0]!.status?.podIPs).toEqual(counts ? [{ ip: address }] : undefined);
    const told = cluster.events('PodAddressRefused');
    if (counts) return expect(told).toEqual([]);
    expect(told).toMatchObject([{ type: 'Warning', count: 1, involvedObject: { kind: 'Pod', name: 'claimer' } }]);
    expect(told[0]!.message).toContain(`Node n1 reports the address ${address}`);
    if (address === other) expect(told[0]!.message).toContain("which is node n2's");
    // Said once, however often the host repeats it.
    const { revision } = cluster.keyspace.view();
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
  });
});
