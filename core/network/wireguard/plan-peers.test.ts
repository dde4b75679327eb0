import { describe, expect, test } from '@jest/globals';
import type { AssignedNetwork, NetworkPeer } from '../assigned-network.ts';
import { readWireguardDump, type DumpedPeer, type WireguardDump } from './dump.ts';
import { planPeers, type Search } from './plan-peers.ts';

const NOW = 1_000_000_000;
const key = (name: string) => Buffer.alloc(32, name).toString('base64');
const peer = (name: string, given: { relay?: string; endpoints?: string[]; address?: string } = {}): NetworkPeer => {
  const { address = `192.168.77.${name.slice(1)}` } = given;
  const endpoints = given.endpoints ?? [`${address}:51820`];
  const wireguard = { publicKey: key(name), endpoints, ...(given.relay && { relay: given.relay }) };
  return { node: name, subnet: `10.244.${name.slice(1)}.0/24`, address, mtu: 1500, vtepMac: '', wireguard };
};
const assigned = (...peers: NetworkPeer[]): AssignedNetwork => ({
  network: '10.244.0.0/16',
  subnet: '10.244.1.0/24',
  backend: {
    type: 'wireguard',
    vni: 1,
    port: 8472,
    directRouting: false,
    listenPort: 51_820,
    keepaliveSeconds: 25,
    allowUnencrypted: true,
  },
  clusterDomain: 'cluster.local',
  peers,
});
const held = (name: string, given: Partial<DumpedPeer> = {}): DumpedPeer => ({
  publicKey: key(name),
  endpoint: `192.168.77.${name.slice(1)}:51820`,
  allowedIps: [`10.244.${name.slice(1)}.0/24`],
  handshakeAt: NOW - 20_000,
  keepaliveSeconds: 25,
  ...given,
});
const dump = (...peers: DumpedPeer[]): WireguardDump => ({
  publicKey: key('n1'),
  port: 51_820,
  peers: new Map(peers.map((one) => [one.publicKey, one])),
});
const self = { address: '192.168.77.1', now: NOW };
const none = new Map<string, Search>();
const searching = (name: string, since: number, trying = 0) =>
  new Map([[key(name), { since, trying, triedAt: NOW - 6_000, declared: `192.168.77.${name.slice(1)}:51820` }]]);

describe('the peers of the WireGuard device', () => {
  test('are told all that it takes to reach a new host, and nothing once it is reached', () => {
    expect(planPeers(assigned(peer('n2')), dump(), none, self).changes).toEqual([
      ['peer', key('n2'), 'endpoint', '192.168.77.2:51820', 'allowed-ips', '10.244.2.0/24', 'persistent-keepalive', '25'],
    ]);
    expect(planPeers(assigned(peer('n2')), dump(held('n2')), none, self)).toMatchObject({
      changes: [],
      unreached: [],
      seeking: false,
    });
  });

  test('are looked for where they say that they are now, however new the session with where they were', () => {
    const moved = peer('n2', { endpoints: ['192.168.77.2:51999'] });
    const there = ['endpoint', '192.168.77.2:51999', 'allowed-ips', '10.244.2.0/24', 'persistent-keepalive', '25'];
    const plan = planPeers(assigned(moved), dump(held('n2')), searching('n2', NOW - 60_000), self);
    expect(plan).toMatchObject({ unreached: [], seeking: true });
    expect(plan.changes).toEqual([
      ['peer', key('n2'), 'remove'],
      ['peer', key('n2'), ...there],
    ]);
    // Its packets came from there already.
    const roamed = held('n2', { endpoint: '192.168.77.2:51999' });
    expect(planPeers(assigned(moved), dump(roamed), searching('n2', NOW - 60_000), self).changes).toEqual([]);
    // Once is enough.
    expect(planPeers(assigned(moved), dump(roamed), plan.searches, self).changes).toEqual([]);
  });

  test('go when their host goes', () => {
    expect(planPeers(assigned(), dump(held('n2')), none, self).changes).toEqual([['peer', key('n2'), 'remove']]);
  });

  test('tell where packets of a host behind a router come from', () => {
    const behind = peer('n2', { address: '192.168.1.10' });
    const seen = held('n2', { endpoint: '198.51.100.2:40001' });
    expect(planPeers(assigned(behind), dump(seen), none, self)).toMatchObject({
      changes: [],
      observed: [{ node: 'n2', endpoint: '198.51.100.2:40001' }],
    });
  });

  test('are sought at one endpoint after the other, never at the own address', () => {
    const endpoints = ['192.168.77.1:51820', '192.168.5.5:51820', '198.51.100.2:40001'];
    const lost = held('n2', { handshakeAt: 0, endpoint: '192.168.5.5:51820' });
    const plan = planPeers(assigned(peer('n2', { endpoints })), dump(lost), searching('n2', NOW - 6_000), self);
    expect(plan.changes).toEqual([['peer', key('n2'), 'endpoint', '198.51.100.2:40001']]);
    const next = { ...self, now: NOW + 6_000 };
    const moved = held('n2', { handshakeAt: 0, endpoint: '198.51.100.2:40001' });
    expect(planPeers(assigned(peer('n2', { endpoints })), dump(moved), plan.searches, next).changes).toEqual([
      ['peer', key('n2'), 'endpoint', '192.168.5.5:51820'],
    ]);
  });

  test('that were sought in vain for a while are told of', () => {
    const lost = held('n2', { handshakeAt: 0 });
    const at = (since: number) => planPeers(assigned(peer('n2')), dump(lost), searching('n2', since), self);
    expect(at(NOW - 5_000)).toMatchObject({ unreached: [], seeking: true });
    expect(at(NOW - 12_000)).toMatchObject({ unreached: ['n2'], seeking: true });
    expect(at(NOW - 600_000)).toMatchObject({ unreached: ['n2'], seeking: false });
  });

  test('that are relayed have their subnet at the relay, until there is a handshake', () => {
    const network = assigned(peer('n2'), peer('n3', { relay: 'n2' }));
    const lost = held('n3', { handshakeAt: 0 });
    expect(planPeers(network, dump(held('n2'), lost), searching('n3', NOW - 20_000), self).changes).toEqual([
      ['peer', key('n2'), 'allowed-ips', '10.244.2.0/24,10.244.3.0/24'],
      ['peer', key('n3'), 'allowed-ips', ''],
    ]);
    const relayed = dump(held('n2', { allowedIps: ['10.244.2.0/24', '10.244.3.0/24'] }), held('n3', { allowedIps: [] }));
    expect(planPeers(network, relayed, none, self).changes).toEqual([
      ['peer', key('n2'), 'allowed-ips', '10.244.2.0/24'],
      ['peer', key('n3'), 'allowed-ips', '10.244.3.0/24'],
    ]);
  });

  test('are not relayed by a host that is itself not reached', () => {
    const network = assigned(peer('n2'), peer('n3', { relay: 'n2' }));
    const nobody = dump(held('n2', { handshakeAt: 0 }), held('n3', { handshakeAt: 0 }));
    expect(planPeers(network, nobody, none, self).changes.flat()).not.toContain('10.244.2.0/24,10.244.3.0/24');
  });
});

test("wg's dump is read", () => {
  const text = `priv\tpub\t51820\toff\nkey\t(none)\t192.168.1.1:7\t10.0.0.0/24,10.1.0.0/24\t1700000000\t5\t6\t25\nother\t(none)\t(none)\t(none)\t0\t0\t0\toff\n`;
  const { port, peers } = readWireguardDump(text);
  expect(port).toBe(51_820);
  expect([...peers.values()]).toEqual([
    {
      publicKey: 'key',
      endpoint: '192.168.1.1:7',
      allowedIps: ['10.0.0.0/24', '10.1.0.0/24'],
      handshakeAt: 1_700_000_000_000,
      keepaliveSeconds: 25,
    },
    { publicKey: 'other', allowedIps: [], handshakeAt: 0, keepaliveSeconds: 0 },
  ]);
});
