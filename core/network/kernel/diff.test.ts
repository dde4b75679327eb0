import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AssignedNetwork, NetworkPeer } from '../assigned-network.ts';
import { vtepMacOf } from '../names.ts';
import { wantedNetwork } from '../wanted.ts';
import { afterSteps as after } from './after-steps.ts';
import { networkSteps } from './diff.ts';
import type { ObservedLink, ObservedNetwork, WantedNetwork } from './state.ts';
import { batchLineOf, type NetworkStep } from './steps.ts';

const ETH: ObservedLink = {
  name: 'eth0',
  up: true,
  mtu: 1500,
  mac: '02:00:00:00:00:01',
  kind: 'veth',
  addresses: ['192.168.77.1/24'],
};
const BARE: ObservedNetwork = {
  links: [ETH],
  routes: [{ to: '192.168.77.0/24', device: 'eth0', protocol: 'kernel' }],
  neighbours: [],
  forwarding: [],
};
const peer = (number: number): NetworkPeer => {
  const subnet = `10.244.${number}.0/24`;
  return { node: `n${number}`, subnet, address: `192.168.77.${number}`, mtu: 1500, vtepMac: vtepMacOf(subnet) };
};
const assigned = (peers: readonly NetworkPeer[], type: 'vxlan' | 'host-gw' | 'wireguard' = 'vxlan'): AssignedNetwork => ({
  network: '10.244.0.0/16',
  subnet: '10.244.1.0/24',
  backend: { type, vni: 1, port: 8472, directRouting: false, listenPort: 51_820, keepaliveSeconds: 25, allowUnencrypted: true },
  clusterDomain: 'cluster.local',
  peers,
});
const facts = {
  address: '192.168.77.1',
  device: 'eth0',
  mtu: 1500,
  wireguard: false,
  wireguardBy: 'kernel' as const,
  onLink: () => 'eth0',
};
const wantedFor = (...numbers: number[]) => wantedNetwork(assigned(numbers.map(peer)), facts);
const lines = (steps: readonly NetworkStep[]) => steps.map((step) => batchLineOf(step).line);

describe('the steps to a network', () => {
  test('on a bare host are those that flannel takes, in its order', () => {
    expect(lines(networkSteps(wantedFor(2), BARE))).toEqual([
      'link add terrane-vx address 02:54:0a:f4:01:00 mtu 1450 type vxlan id 1 local 192.168.77.1 dev eth0 dstport 8472 nolearning',
      'link set terrane-vx mtu 1450 up',
      'addr add 10.244.1.0/32 dev terrane-vx',
      'neigh replace 10.244.2.0 lladdr 02:54:0a:f4:02:00 dev terrane-vx nud permanent',
      'fdb replace 02:54:0a:f4:02:00 dev terrane-vx dst 192.168.77.2 self permanent',
      'route replace 10.244.2.0/24 via 10.244.2.0 dev terrane-vx onlink proto 84',
      'route replace unreachable 10.244.0.0/16 metric 4096 proto 84',
    ]);
  });

  test('are three for one more peer, and three for one less, however many there are', () => {
    const many = Array.from({ length: 200 }, (_, index) => index + 2);
    const running = after(BARE, networkSteps(wantedFor(...many), BARE));
    const added = networkSteps(wantedFor(...many, 250), running);
    expect(added.map(({ type }) => type)).toEqual(['setNeighbour', 'setForwarding', 'setRoute']);
    expect(networkSteps(wantedFor(...many.slice(1)), running).map(({ type }) => type)).toEqual([
      'removeRoute',
      'removeNeighbour',
      'removeForwarding',
    ]);
  });

  test('repair a device that somebody deleted, with everything that was on it', () => {
    const running = after(BARE, networkSteps(wantedFor(2, 3), BARE));
    const broken = after(running, [{ type: 'removeLink', name: 'terrane-vx' }]);
    expect(after(broken, networkSteps(wantedFor(2, 3), broken))).toEqual(expect.objectContaining({ links: running.links }));
  });

  test('make a device anew when it has another VNI, port or way out, and only then', () => {
    const running = after(BARE, networkSteps(wantedFor(2), BARE));
    const moved = networkSteps(wantedNetwork(assigned([peer(2)]), { ...facts, address: '192.168.77.9' }), running);
    expect(moved.map(({ type }) => type).slice(0, 2)).toEqual(['removeLink', 'addVxlan']);
    const smaller = networkSteps(wantedNetwork(assigned([peer(2)]), { ...facts, mtu: 1400 }), running);
    expect(lines(smaller)).toEqual(['link set terrane-vx mtu 1350 up']);
  });

  test('leave what others made alone, though it lies in our network', () => {
    const theirs: ObservedNetwork = {
      ...BARE,
      links: [
        ...BARE.links,
        { name: 'flannel.1', up: true, mtu: 1450, mac: '02:11:11:11:11:11', kind: 'vxlan', addresses: ['10.9.0.0/32'] },
      ],
      routes: [...BARE.routes, { to: '10.244.2.0/24', via: '192.168.77.7', device: 'eth0', protocol: 'static' }],
    };
    const steps = networkSteps(wantedFor(2, 3), theirs);
    expect(lines(steps).filter((line) => line.includes('10.244.2.0/24') || line.includes('flannel'))).toEqual([]);
    expect(lines(networkSteps(wantedNetwork({ ...assigned([]), subnet: '' }, facts), theirs))).toEqual([]);
  });

  test('send packets of peers on the same link there directly with host-gw, and refuse those of others', () => {
    const far = { ...peer(3), address: '203.0.113.9' };
    const direct = wantedNetwork(assigned([peer(2), far], 'host-gw'), {
      ...facts,
      onLink: (address) => (address.startsWith('192.168.77.') ? 'eth0' : undefined),
    });
    expect(lines(networkSteps(direct, BARE))).toEqual([
      'route replace 10.244.2.0/24 via 192.168.77.2 dev eth0 proto 84',
      'route replace unreachable 10.244.0.0/16 metric 4096 proto 84',
    ]);
  });

  test('mix WireGuard with VXLAN for those that cannot run it, unless that is forbidden', () => {
    const secure = { ...peer(2), wireguard: { publicKey: 'k', endpoints: ['192.168.77.2:51820'] } };
    const mixed = { ...assigned([secure, peer(3)], 'wireguard') };
    const here = { ...facts, wireguard: true };
    expect(wantedNetwork(mixed, here).routes.map(({ to, device }) => [to, device])).toEqual([
      ['10.244.2.0/24', 'terrane-wg'],
      ['10.244.3.0/24', 'terrane-vx'],
      ['10.244.0.0/16', undefined],
    ]);
    const strict = { ...mixed, backend: { ...mixed.backend, allowUnencrypted: false } };
    expect(wantedNetwork(strict, here).routes.map(({ to }) => to)).toEqual(['10.244.2.0/24', '10.244.0.0/16']);
    expect(wantedNetwork(strict, here).links.map(({ name }) => name)).toEqual(['terrane-wg']);
  });

  test('hold nothing that a peer could smuggle into a command', () => {
    const evil = [
      { ...peer(2), address: '192.168.77.2; reboot' },
      { ...peer(3), subnet: '10.244.3.0/24\nlink del eth0' },
      { ...peer(4), vtepMac: '02:54:0a:f4:04:00 dev eth0' },
    ];
    expect(wantedNetwork(assigned(evil), facts).routes).toEqual([{ to: '10.244.0.0/16', metric: 4096 }]);
  });

  test('tell a route of a peer whose own network takes less', () => {
    const narrow = { ...peer(2), mtu: 1400 };
    expect(wantedNetwork(assigned([narrow]), facts).routes[0]).toMatchObject({ mtu: 1350 });
  });

  test('property: from any network they lead to the wanted one, after which there is nothing left to do', () => {
    const peers = fc.uniqueArray(fc.integer({ min: 2, max: 12 }), { maxLength: 8 }).map((numbers) => numbers.map(peer));
    const network = fc.record({
      peers,
      type: fc.constantFrom('vxlan' as const, 'host-gw' as const, 'wireguard' as const),
      mtu: fc.constantFrom(1400, 1500),
      address: fc.constantFrom('192.168.77.1', '192.168.77.100'),
      wireguard: fc.boolean(),
    });
    const wantedOf = (one: typeof network extends fc.Arbitrary<infer T> ? T : never): WantedNetwork =>
      wantedNetwork(assigned(one.peers, one.type), { ...facts, mtu: one.mtu, address: one.address, wireguard: one.wireguard });
    fc.assert(
      fc.property(network, network, (first, second) => {
        const from = after(BARE, networkSteps(wantedOf(first), BARE));
        const wanted = wantedOf(second);
        const reached = after(from, networkSteps(wanted, from));
        expect(networkSteps(wanted, reached)).toEqual([]);
        expect(reached.links.filter(({ name }) => name === 'eth0')).toEqual([ETH]);
      }),
    );
  });
});
