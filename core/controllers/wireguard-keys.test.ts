import { describe, expect, test } from '@jest/globals';
import { heard, report } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import { networkAssignedTo } from '../network/assigned-to.ts';

const KEYS = ['A', 'B', 'C'].map((letter) => Buffer.alloc(32, letter).toString('base64')) as [string, string, string];

/** All hosts report at once, each with its key. */
async function say(cluster: TestCluster, keys: Record<string, string>): Promise<void> {
  cluster.now += 1_000;
  cluster.inbox = Object.entries(keys).map(([name, publicKey], index) =>
    heard(
      name,
      cluster.now,
      report({ network: { address: `192.168.7.${index + 1}`, mtu: 1500, wireguard: { publicKey, port: 51_820 } } }),
    ),
  );
  await cluster.settle();
}
const keyOf = (cluster: TestCluster, name: string) => cluster.get('Node', name).status?.network?.wireguard?.publicKey;
const peersOf = (cluster: TestCluster, name: string) =>
  Object.fromEntries(networkAssignedTo(cluster.state, name)!.peers.map(({ node, wireguard }) => [node, wireguard?.publicKey]));

describe('the WireGuard key that a host reports', () => {
  test("counts if nobody has it, and is refused if it is another's, by an Event that names both", async () => {
    const cluster = await TestCluster.with();
    await say(cluster, { n1: KEYS[0], n2: KEYS[1] });
    expect(cluster.events('WireGuardKeyRefused')).toEqual([]);
    // The thief is first by name, and was there first.
    await say(cluster, { n1: KEYS[1], n2: KEYS[1] });
    expect([keyOf(cluster, 'n1'), keyOf(cluster, 'n2')]).toEqual([undefined, KEYS[1]]);
    const [event, ...more] = cluster.events('WireGuardKeyRefused');
    expect(more).toEqual([]);
    expect(event).toMatchObject({ type: 'Warning', count: 1, involvedObject: { kind: 'Node', name: 'n1' } });
    expect(event!.message).toMatch(/^Node n1 reports the WireGuard key of node n2, which keeps it/);
    const { revision } = cluster.keyspace.view();
    await cluster.settle();
    expect(cluster.keyspace.view().revision).toBe(revision);
  });

  test('of another leaves both ends without encryption for that host, and the others as they were', async () => {
    const cluster = await TestCluster.with();
    await say(cluster, { n1: KEYS[0], n2: KEYS[1], n3: KEYS[2] });
    await say(cluster, { n1: KEYS[0], n2: KEYS[0], n3: KEYS[2] });
    expect(peersOf(cluster, 'n3')).toEqual({ n1: KEYS[0], n2: undefined });
    expect(peersOf(cluster, 'n2')).toEqual({ n1: undefined, n3: undefined });
    expect(cluster.get('Node', 'n2').status?.network?.keyHolder).toBe('n1');
    // Both are told why.
    expect(networkAssignedTo(cluster.state, 'n2')?.keyHolder).toBe('n1');
    expect(networkAssignedTo(cluster.state, 'n3')?.peers.map(({ node, keyHolder }) => [node, keyHolder])).toEqual([
      ['n1', undefined],
      ['n2', 'n1'],
    ]);
    await say(cluster, { n1: KEYS[0], n2: KEYS[1], n3: KEYS[2] });
    expect(peersOf(cluster, 'n3')).toEqual({ n1: KEYS[0], n2: KEYS[1] });
    expect(cluster.get('Node', 'n2').status?.network?.keyHolder).toBeUndefined();
  });

  test('of two that come with the same one at once is the first of them by name', async () => {
    const cluster = await TestCluster.with();
    await say(cluster, { n2: KEYS[0], n1: KEYS[0] });
    expect([keyOf(cluster, 'n1'), keyOf(cluster, 'n2')]).toEqual([KEYS[0], undefined]);
    expect(cluster.events('WireGuardKeyRefused')).toHaveLength(1);
  });

  test('may be another after a rebuild, and who has the former one then is believed', async () => {
    const cluster = await TestCluster.with();
    await say(cluster, { n1: KEYS[0] });
    await say(cluster, { n1: KEYS[1] });
    expect(keyOf(cluster, 'n1')).toBe(KEYS[1]);
    await say(cluster, { n1: KEYS[1], n2: KEYS[0] });
    expect(keyOf(cluster, 'n2')).toBe(KEYS[0]);
  });

  test('stays its own while it reports none: it is back with it after its WireGuard, or its network, was away', async () => {
    const cluster = await TestCluster.with();
    await say(cluster, { n1: KEYS[0], n2: KEYS[1] });
    for (const network of [{ address: '192.168.7.2', mtu: 1500 }, undefined]) {
      cluster.now += 1_000;
      cluster.inbox = [heard('n2', cluster.now, report({ network }))];
      await cluster.settle();
      expect(keyOf(cluster, 'n2')).toBeUndefined();
      await say(cluster, { n1: KEYS[1] });
      expect(keyOf(cluster, 'n1')).toBeUndefined();
      await say(cluster, { n1: KEYS[0], n2: KEYS[1] });
      expect([keyOf(cluster, 'n1'), keyOf(cluster, 'n2')]).toEqual([KEYS[0], KEYS[1]]);
      expect(cluster.get('Node', 'n2').status?.wireguardKey).toBeUndefined();
    }
  });

  test('of a host that was removed is free for the machine that joins again under another name', async () => {
    const cluster = await TestCluster.with();
    await say(cluster, { n1: KEYS[0] });
    await cluster.delete('Node', 'n1');
    await say(cluster, { again: KEYS[0] });
    expect(keyOf(cluster, 'again')).toBe(KEYS[0]);
  });
});
