import { describe, expect, test } from '@jest/globals';
import type { AssignedNetwork, NetworkPeer } from '../assigned-network.ts';
import { CHECK_NAMES, diagnose, isSick } from './diagnose.ts';
import type { NetworkFacts, PeerProbe } from './facts.ts';

const peer = (node: string, subnet: string, address: string): NetworkPeer => ({
  node,
  subnet,
  address,
  mtu: 1500,
  vtepMac: '02:54:00:00:00:00',
});

const assigned: AssignedNetwork = {
  network: '10.244.0.0/16',
  subnet: '10.244.1.0/24',
  clusterDomain: 'cluster.local',
  backend: {
    type: 'vxlan',
    vni: 1,
    port: 8472,
    directRouting: false,
    listenPort: 51_820,
    keepaliveSeconds: 25,
    allowUnencrypted: true,
  },
  peers: [peer('b', '10.244.2.0/24', '192.168.77.2'), peer('c', '10.244.3.0/24', '192.168.77.3')],
};

const probe = (node: string, more: Partial<PeerProbe> = {}): PeerProbe => ({
  node,
  answered: true,
  answeredFull: true,
  packetBytes: 1450,
  hostAnswers: true,
  ...more,
});

const well: NetworkFacts = {
  node: 'a',
  assigned,
  clockAheadMs: 800,
  links: [
    { name: 'lo', mtu: 65_536, kind: '', addresses: ['127.0.0.1/8'] },
    { name: 'eth0', mtu: 1500, kind: '', addresses: ['192.168.77.1/24'] },
    { name: 'terrane-vx', mtu: 1450, kind: 'vxlan', addresses: ['10.244.1.0/32'] },
    { name: 'trn-0af40100', mtu: 1420, kind: 'bridge', addresses: ['10.244.1.1/24'] },
  ],
  routes: [
    { to: '0.0.0.0/0', device: 'eth0', protocol: 'static' },
    { to: '192.168.77.0/24', device: 'eth0', protocol: 'kernel' },
    { to: '10.244.1.0/24', device: 'trn-0af40100', protocol: 'kernel' },
    { to: '10.244.2.0/24', device: 'terrane-vx', protocol: '84' },
    { to: '10.244.3.0/24', device: 'terrane-vx', protocol: '84' },
    { to: '10.244.0.0/16', device: undefined, protocol: '84' },
    { to: '10.0.0.0/8', device: 'eth0', protocol: 'static' },
  ],
  ipForward: true,
  bridgeFiltered: false,
  iptables: { filter: '-P FORWARD ACCEPT\n', raw: '-P PREROUTING ACCEPT\n' },
  iptablesRead: true,
  droppingChains: [],
  checksumOffload: true,
  kernel: '6.1.0-28-amd64',
  dns: { listening: '10.244.1.1:53', problem: undefined, answered: true, upstreams: [{ server: '192.0.2.53', answered: true }] },
  peers: [probe('b'), probe('c')],
  unknown: [],
};

const wrong = (facts: NetworkFacts) => diagnose(facts).findings.filter(({ status }) => status !== 'ok');

test('a host with which all is well is told so, check by check', () => {
  const diagnosis = diagnose(well);
  expect(wrong(well)).toEqual([]);
  expect(diagnosis.findings.map(({ check }) => check)).toEqual(CHECK_NAMES);
  expect(isSick(diagnosis)).toBe(false);
});

test('what could not be tried is not called well', () => {
  const silent = { answered: false, answeredFull: undefined };
  const findingOf = (facts: NetworkFacts, check: string) => diagnose(facts).findings.find((finding) => finding.check === check);
  const nobody = findingOf({ ...well, peers: [probe('b', silent), probe('c', silent)] }, 'packet-size');
  expect(nobody?.message).toBe('not tried: no other host answers');
  const unread = findingOf({ ...well, droppingChains: undefined, unknown: ['nft: busy'] }, 'forward-policy');
  expect(unread).toMatchObject({ status: 'unknown', message: 'could not be found out: nft: busy' });
  for (const check of ['forward-policy', 'docker-raw-drop'])
    expect(findingOf({ ...well, iptables: undefined, iptablesRead: false }, check)).toMatchObject({ status: 'unknown' });
});

const iptables = (filter: string, raw = '') => ({ ...well, iptables: { filter, raw } });
const peers = (...probes: PeerProbe[]) => ({ ...well, peers: probes });
const links = (more: NonNullable<NetworkFacts['links']>[number]) => ({ ...well, links: [...well.links!, more] });
const inNetwork = (more: Partial<AssignedNetwork>) => ({ ...well, assigned: { ...assigned, ...more } });
const wireguard = { ...assigned.backend, type: 'wireguard' as const };
const DROP = '-P FORWARD DROP\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -j RETURN\n';
const ACCEPT = '-A TERRANE-FORWARD -s 10.244.0.0/16 -d 10.244.0.0/16 -j ACCEPT\n';

describe('a trouble is named, with its fix:', () => {
  test.each<[string, NetworkFacts, string, string, RegExp]>([
    ['a clock that is fast', { ...well, clockAheadMs: 30_000 }, 'clock', 'warning', /30 s ahead of/],
    ['a clock that is very slow', { ...well, clockAheadMs: -7_200_000 }, 'clock', 'problem', /7200 s behind/],
    [
      'no subnet left',
      inNetwork({ problem: { reason: 'NetworkFull', message: 'the network is full' } }),
      'subnet',
      'problem',
      /full/,
    ],
    [
      "the host's own network in the pods' one",
      links({ name: 'eth1', mtu: 1500, kind: '', addresses: ['10.244.7.9/22'] }),
      'overlap',
      'problem',
      /10\.244\.7\.9\/22 on eth1/,
    ],
    [
      "a route into the pods' network",
      { ...well, routes: [...well.routes!, { to: '10.244.128.0/20', device: 'tun0', protocol: 'static' }] },
      'overlap',
      'problem',
      /10\.244\.128\.0\/20.*tun0/,
    ],
    [
      'two hosts with one address',
      inNetwork({ peers: [peer('b', '10.244.2.0/24', '10.0.2.15'), peer('c', '10.244.3.0/24', '10.0.2.15')] }),
      'duplicates',
      'problem',
      /c and b have the same address 10\.0\.2\.15/,
    ],
    [
      'a host with our address',
      inNetwork({ peers: [peer('b', '10.244.2.0/24', '192.168.77.1'), peer('c', '10.244.3.0/24', '192.168.77.3')] }),
      'duplicates',
      'problem',
      /b and this host/,
    ],
    [
      'two hosts with one subnet',
      inNetwork({ peers: [...assigned.peers, peer('d', '10.244.2.0/24', '192.168.77.4')] }),
      'duplicates',
      'problem',
      /same subnet/,
    ],
    ['no forwarding', { ...well, ipForward: false }, 'ip-forward', 'problem', /ip_forward is 0/],
    ["Docker's policy", iptables(DROP), 'forward-policy', 'problem', /policy DROP of FORWARD/],
    [
      'an accepting chain that nothing leads to',
      iptables(`${DROP}-N TERRANE-FORWARD\n${ACCEPT}`),
      'forward-policy',
      'problem',
      /policy DROP/,
    ],
    [
      'a rule that rejects all',
      iptables('-P FORWARD ACCEPT\n-A FORWARD -j REJECT --reject-with icmp-port-unreachable\n'),
      'forward-policy',
      'problem',
      /REJECT/,
    ],
    [
      'another firewall that drops',
      { ...well, droppingChains: ['inet firewalld filter_FORWARD'] },
      'forward-policy',
      'problem',
      /firewalld filter_FORWARD/,
    ],
    [
      "Docker's raw drop",
      iptables('', '-A PREROUTING -d 10.244.1.9/32 ! -i trn-0af40100 -j DROP\n'),
      'docker-raw-drop',
      'problem',
      /1 rule, .*10\.244\.1\.9/,
    ],
    [
      'the WireGuard key of another host',
      inNetwork({ backend: wireguard, keyHolder: 'n9' }),
      'encryption',
      'warning',
      /the WireGuard key of node n9: its packets to other hosts are not encrypted/,
    ],
    ['no WireGuard', inNetwork({ backend: wireguard }), 'encryption', 'warning', /not encrypted/],
    [
      'no WireGuard where nothing else is allowed',
      inNetwork({ backend: { ...wireguard, allowUnencrypted: false } }),
      'encryption',
      'problem',
      /reaches no other host/,
    ],
    [
      'a device with less room',
      { ...well, links: well.links!.map((link) => (link.name === 'eth0' ? { ...link, mtu: 1400 } : link)) },
      'mtu',
      'problem',
      /eth0 \(MTU 1400\) has room for 1350/,
    ],
    ['wrong checksums', { ...well, kernel: '5.4.30' }, 'checksum-offload', 'problem', /5\.4\.30/],
    [
      'a route to nobody',
      { ...well, routes: [...well.routes!, { to: '10.244.9.0/24', device: 'terrane-vx', protocol: '84' }] },
      'routes',
      'warning',
      /10\.244\.9\.0\/24 leads to no host/,
    ],
    [
      'no route to somebody',
      { ...well, routes: well.routes!.filter(({ to }) => to !== '10.244.3.0/24') },
      'routes',
      'problem',
      /no route to c/,
    ],
    [
      'a port that is blocked',
      peers(probe('b', { answered: false }), probe('c')),
      'peers',
      'problem',
      /^b can be reached, but nothing comes back/,
    ],
    [
      'a host that is away',
      peers(probe('b', { answered: false, hostAnswers: false }), probe('c')),
      'peers',
      'problem',
      /^b can't be reached.*192\.168\.77\.2/,
    ],
    [
      'a way for small packets only',
      peers(probe('b'), probe('c', { answeredFull: false })),
      'packet-size',
      'problem',
      /1450 bytes.*through to c/,
    ],
    [
      'a name server that could not start',
      { ...well, dns: { ...well.dns!, listening: undefined, problem: 'bind EADDRINUSE 10.244.1.1:53' } },
      'dns',
      'problem',
      /EADDRINUSE/,
    ],
    ['a name server that is cut off', { ...well, dns: { ...well.dns!, answered: false } }, 'dns', 'problem', /doesn't answer/],
    ['no name server outside', { ...well, dns: { ...well.dns!, upstreams: [] } }, 'dns', 'problem', /resolv\.conf/],
    [
      'a dead name server outside',
      {
        ...well,
        dns: {
          ...well.dns!,
          upstreams: [
            { server: '192.0.2.1', answered: false },
            { server: '192.0.2.2', answered: true },
          ],
        },
      },
      'dns',
      'warning',
      /^192\.0\.2\.1, which/,
    ],
  ])('%s', (_, facts, check, status, message) => {
    const found = wrong(facts);
    expect(found.map((finding) => `${finding.check} ${finding.status}`)).toEqual([`${check} ${status}`]);
    expect(found[0]!.message).toMatch(message);
    expect(found[0]!.fix).toMatch(/\w{3}/);
    expect(isSick(diagnose(facts))).toBe(status === 'problem');
  });
});

describe('no trouble is', () => {
  test.each<[string, NetworkFacts]>([
    [
      "Docker's policy when the pods are accepted before it",
      iptables(`${DROP}-N TERRANE-FORWARD\n-A DOCKER-USER -j TERRANE-FORWARD\n${ACCEPT}`),
    ],
    ['the same, done by hand', iptables(`${DROP}-A DOCKER-USER -s 10.244.0.0/16 -d 10.244.0.0/16 -j ACCEPT\n`)],
    ["Docker's raw drop for its own networks", iptables('', '-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP\n')],
    ['an old kernel whose device computes checksums', { ...well, kernel: '4.19.0', checksumOffload: false }],
    ['an old kernel that was mended', { ...well, kernel: '4.19.123-1' }],
    ['no VXLAN device', { ...well, kernel: '4.19.0', checksumOffload: undefined }],
    [
      'one address for two hosts that WireGuard tells apart',
      {
        ...well,
        links: [...well.links!, { name: 'terrane-wg', mtu: 1420, kind: 'wireguard', addresses: [] }],
        assigned: {
          ...assigned,
          backend: wireguard,
          peers: ['2', '3'].map((n) => ({
            ...peer(n, `10.244.${n}.0/24`, '192.168.1.10'),
            wireguard: { publicKey: 'k', endpoints: [] },
          })),
        },
      },
    ],
  ])('%s', (_, facts) => {
    expect(wrong(facts)).toEqual([]);
  });
});

test('what could not be found out is said, with the reason, and is no problem', () => {
  const facts = { ...well, links: undefined, routes: undefined, clockAheadMs: undefined, unknown: ['ip is not installed'] };
  const found = wrong(facts);
  expect(found.map(({ check }) => check)).toEqual(['clock', 'overlap', 'encryption', 'mtu', 'on-link', 'routes']);
  expect(found.every(({ status, message }) => status === 'unknown' && message.includes('ip is not installed'))).toBe(true);
  expect(isSick(diagnose(facts))).toBe(false);
});

test('a host outside of the network has a clock, and is told that it is outside', () => {
  const { findings } = diagnose({ ...well, assigned: undefined, clockAheadMs: 90_000 });
  expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual(['clock problem', 'subnet ok']);
  expect(findings[1]!.message).toContain('takes no part');
});
