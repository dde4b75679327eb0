import { describe, expect, test } from '@jest/globals';
import type { AssignedService } from '../../node/assigned-services.ts';
import { nftChanges } from '../nft/differ.ts';
import { nftScript } from '../nft/script.ts';
import { compileServices, type ServiceHost } from './compile-services.ts';
import { staleFlows } from './stale-flows.ts';

const HOST: ServiceHost = { node: 'n1', podBlocks: ['10.244.0.0/16'], networked: true };
const service = (index: number, given: Partial<AssignedService> = {}): AssignedService => ({
  namespace: 'default',
  name: `s${index}`,
  type: 'ClusterIP',
  clusterIP: `10.96.${index >> 8}.${index & 255}`,
  ports: [{ protocol: 'TCP', port: 80 }],
  subsets: [
    {
      ports: [8080],
      endpoints: [
        { ip: '10.244.1.2', node: 'n1', pod: 'a' },
        { ip: '10.244.2.2', node: 'n2', pod: 'b' },
      ],
    },
  ],
  ...given,
});
const rulesOf = (services: readonly AssignedService[], chain: string, host = HOST) =>
  compileServices(services, host).chains.get(chain)?.rules;
const keysOf = (services: readonly AssignedService[], set: string, host = HOST) => [
  ...compileServices(services, host).sets.get(set)!.elements.keys(),
];

describe("a host's table of Services", () => {
  test('spreads connections over endpoints by chance', () => {
    expect(rulesOf([service(1)], 'svc-default/s1/tcp/80')).toEqual([
      'meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }',
    ]);
  });

  test('uses only its own endpoints, and those that are no pods, where pods of other hosts can not be reached', () => {
    const outside = { ports: [5432], endpoints: [{ ip: '192.0.2.9' }] };
    const services = [service(1), service(2, { subsets: [outside] })];
    const host = { ...HOST, networked: false };
    expect(rulesOf(services, 'svc-default/s1/tcp/80', host)).toEqual(['meta l4proto tcp dnat to 10.244.1.2:8080']);
    expect(rulesOf(services, 'svc-default/s2/tcp/80', host)).toEqual(['meta l4proto tcp dnat to 192.0.2.9:5432']);
  });

  test('gives each port the number that its endpoints have for it', () => {
    const ports = [
      { name: 'a', protocol: 'TCP' as const, port: 80 },
      { name: 'b', protocol: 'TCP' as const, port: 81 },
    ];
    const subsets = [
      { ports: [8080, null], endpoints: [{ ip: '10.244.1.2', node: 'n1' }] },
      { ports: [9090, 9091], endpoints: [{ ip: '10.244.1.3', node: 'n1' }] },
    ];
    const services = [service(1, { ports, subsets })];
    expect(rulesOf(services, 'svc-default/s1/tcp/80')).toEqual([
      'meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.1.3 . 9090 }',
    ]);
    expect(rulesOf(services, 'svc-default/s1/tcp/81')).toEqual(['meta l4proto tcp dnat to 10.244.1.3:9091']);
  });

  test('has nothing for headless Services and external names', () => {
    const { clusterIP: _, ...headless } = service(1);
    const table = compileServices([headless, { ...headless, type: 'ExternalName', externalName: 'example.com' }], HOST);
    expect(nftChanges(compileServices([], HOST), table)).toEqual([]);
  });

  test('is changed by a Service with a thousand others in its own chain only', () => {
    const before = Array.from({ length: 1000 }, (_, index) => service(index));
    const one = service(7, { subsets: [{ ports: [8080], endpoints: [{ ip: '10.244.2.2', node: 'n2' }] }] });
    const after = before.map((each) => (each.name === 's7' ? one : each));
    const script = nftScript(
      { family: 'ip', table: 'terrane_services' },
      nftChanges(compileServices(before, HOST), compileServices(after, HOST)),
    );
    expect(script.trim().split('\n')).toEqual([
      'flush chain ip terrane_services svc-default/s7/tcp/80',
      'add rule ip terrane_services svc-default/s7/tcp/80 meta l4proto tcp dnat to 10.244.2.2:8080',
    ]);
  });

  test('has names that nft takes, however long those of the Services are', () => {
    const long = service(1, { namespace: 'n'.repeat(63), name: 's'.repeat(63), type: 'NodePort' });
    const twin = service(2, { namespace: 'n'.repeat(63), name: `${'s'.repeat(62)}t` });
    const names = [...compileServices([long, twin], HOST).chains.keys()];
    expect(names.every((name) => name.length < 128 && /^[a-z][A-Za-z0-9/_.-]*$/.test(name))).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });

  test('refuses at the doors of a Service that nobody serves', () => {
    const ports = [{ protocol: 'TCP' as const, port: 80, nodePort: 30_080 }];
    const dead = [service(1, { subsets: [], ports, externalIPs: ['203.0.113.7'] })];
    expect(keysOf(dead, 'dead-ports')).toEqual(['tcp . 30080']);
    expect(keysOf(dead, 'dead-ips')).toEqual(['203.0.113.7 . tcp . 80']);
    expect(keysOf(dead, 'service-ips')).toEqual([]);
    expect(keysOf(dead, 'cluster-ips')).toEqual(['10.96.0.1']);
  });
});

describe('flows of datagrams', () => {
  const udp = (ips: readonly string[], given: Partial<AssignedService> = {}) =>
    service(1, {
      ports: [{ protocol: 'UDP', port: 53, nodePort: 30_053 }],
      subsets: ips.length > 0 ? [{ ports: [5353], endpoints: ips.map((ip) => ({ ip })) }] : [],
      ...given,
    });

  test('to an endpoint that has vanished are forgotten, at each door', () => {
    expect(staleFlows([udp(['10.244.1.2', '10.244.1.3'])], [udp(['10.244.1.3'])])).toEqual([
      { address: '10.96.0.1', port: 53, endpoint: '10.244.1.2' },
      { address: undefined, port: 30_053, endpoint: '10.244.1.2' },
    ]);
    expect(staleFlows([udp(['10.244.1.2'])], [])).toHaveLength(2);
  });

  test('that went nowhere are forgotten when the first endpoint comes', () => {
    expect(staleFlows([udp([])], [udp(['10.244.1.2'])])).toEqual([
      { address: '10.96.0.1', port: 53, endpoint: undefined },
      { address: undefined, port: 30_053, endpoint: undefined },
    ]);
  });

  test('are left alone while their endpoint is there, and for TCP', () => {
    expect(staleFlows([udp(['10.244.1.2'])], [udp(['10.244.1.2', '10.244.1.9'])])).toEqual([]);
    expect(staleFlows([service(1)], [service(1, { subsets: [] })])).toEqual([]);
  });
});
