import { describe, expect, test } from '@jest/globals';
import { heard, report, SECOND } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import type { NodeNetwork } from '../resources/schema/node.ts';
import { networkAssignedTo } from './assigned-to.ts';

const key = (name: string) => Buffer.alloc(32, name).toString('base64');
const facts = (name: string, given: Partial<NodeNetwork> = {}): NodeNetwork => ({
  address: `192.168.77.${name.slice(1)}`,
  mtu: 1500,
  wireguard: { publicKey: key(name), port: 51_820 },
  ...given,
});

async function clusterOf(hosts: Record<string, NodeNetwork | undefined>): Promise<TestCluster> {
  const cluster = await TestCluster.with();
  for (const [name, network] of Object.entries(hosts))
    cluster.inbox.push(heard(name, cluster.now, network ? report({ network }) : {}));
  await cluster.settle();
  await cluster.settle();
  return cluster;
}
const peersOf = (cluster: TestCluster, name: string) => networkAssignedTo(cluster.state, name)!.peers;
const relayOf = (cluster: TestCluster, from: string, to: string) =>
  peersOf(cluster, from).find(({ node }) => node === to)?.wireguard?.relay;

describe("a host's part in the network", () => {
  test('is its subnet, and how to reach each other host that takes part', async () => {
    const cluster = await clusterOf({ n1: facts('n1'), n2: facts('n2'), old: undefined });
    const subnet = cluster.get('Node', 'n2').spec!.podCIDR!;
    const assigned = networkAssignedTo(cluster.state, 'n1')!;
    expect(assigned).toMatchObject({ network: '10.244.0.0/16', clusterDomain: 'cluster.local', backend: { type: 'wireguard' } });
    expect(assigned.subnet).toBe(cluster.get('Node', 'n1').spec!.podCIDR);
    expect(assigned.peers).toEqual([
      {
        node: 'n2',
        subnet,
        address: '192.168.77.2',
        mtu: 1500,
        vtepMac: expect.stringMatching(/^02:54:0a:f4:/),
        wireguard: { publicKey: key('n2'), endpoints: ['192.168.77.2:51820'] },
      },
    ]);
  });

  test('does not hold a host that is silent, and holds it again when it is back', async () => {
    const cluster = await clusterOf({ n1: facts('n1'), n2: facts('n2') });
    cluster.now += 61 * SECOND;
    cluster.inbox[0] = heard('n1', cluster.now, report({ network: facts('n1') }));
    await cluster.settle();
    expect(peersOf(cluster, 'n1')).toEqual([]);
    expect(cluster.get('Node', 'n2').spec?.podCIDR).toBeDefined();
    cluster.inbox[1] = heard('n2', cluster.now, report({ network: facts('n2') }));
    await cluster.settle();
    expect(peersOf(cluster, 'n1')).toHaveLength(1);
  });

  test('tells where others saw packets of a host behind a router come from', async () => {
    const observed = [{ node: 'n2', endpoint: '198.51.100.2:1024' }];
    const cluster = await clusterOf({
      n1: facts('n1', { observed }),
      n2: facts('n2', { address: '192.168.1.10' }),
      n3: facts('n3'),
    });
    const [, peer] = peersOf(cluster, 'n3');
    expect(peer?.wireguard?.endpoints).toEqual(['192.168.1.10:51820', '198.51.100.2:1024']);
  });

  test('names the same relay to both of two that do not reach each other, one that reaches both', async () => {
    const cluster = await clusterOf({
      n1: facts('n1', { unreached: ['n3'] }),
      n2: facts('n2', { unreached: ['n4'] }),
      n3: facts('n3', { unreached: ['n4'] }),
      n4: facts('n4', { unreached: ['n3'] }),
      n5: facts('n5'),
    });
    expect([relayOf(cluster, 'n3', 'n4'), relayOf(cluster, 'n4', 'n3')]).toEqual(['n5', 'n5']);
    expect(relayOf(cluster, 'n5', 'n3')).toBeUndefined();
    // One of the two saying so is enough: paths work both ways or not at all.
    expect([relayOf(cluster, 'n3', 'n1'), relayOf(cluster, 'n1', 'n3')]).toEqual(['n2', 'n2']);
  });

  test('says why there is no subnet', async () => {
    const cluster = await TestCluster.with({
      kind: 'Network',
      apiVersion: 'terrane.dev/v1',
      metadata: { name: 'default' },
      spec: { network: '10.9.0.0/28', firstSubnet: '10.9.0.4', lastSubnet: '10.9.0.4' },
    } as { kind: string });
    for (const name of ['a', 'b']) cluster.inbox.push(heard(name, cluster.now, report({ network: facts('n1') })));
    await cluster.settle();
    const waiting = ['a', 'b'].find((name) => !cluster.get('Node', name).spec?.podCIDR)!;
    expect(networkAssignedTo(cluster.state, waiting)).toMatchObject({ problem: { reason: 'NetworkFull' } });
  });
});
