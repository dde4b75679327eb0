import { describe, expect, test } from '@jest/globals';
import type { NetworkSpec } from '../resources/schema/network.ts';
import { readNetwork } from './config.ts';
import { formatAddress, formatCidr } from './ipv4.ts';
import { capacityOf } from './leases.ts';

const problemsOf = (spec: NetworkSpec) => readNetwork(spec).problems.map(({ field, message }) => `${field}: ${message}`);

describe('a network', () => {
  test('that says nothing has 10.244.0.0/16, a /24 for each of 255 hosts, and is encrypted where it can be', () => {
    const config = readNetwork().config!;
    expect(formatCidr(config.network)).toBe('10.244.0.0/16');
    expect(capacityOf(config)).toBe(255);
    expect(config).toMatchObject({
      hostPrefix: 24,
      clusterDomain: 'cluster.local',
      backend: { type: 'wireguard', allowUnencrypted: true, vni: 1, port: 8472, listenPort: 51_820, keepaliveSeconds: 25 },
    });
  });

  test('that is smaller than a /22 is cut into four, as flannel does', () => {
    const config = readNetwork({ network: '10.5.0.0/24' }).config!;
    expect([config.hostPrefix, formatAddress(config.first), formatAddress(config.last)]).toEqual([26, '10.5.0.64', '10.5.0.192']);
  });

  test.each<[string, NetworkSpec, string]>([
    [
      'too small',
      { network: '10.0.0.0/29' },
      'spec.network: Invalid value: "10.0.0.0/29": is too small to be shared by hosts: it must be a /28 or larger',
    ],
    ['no block', { network: '10.0.0.0' }, 'must be a block of IPv4 addresses such as 10.244.0.0/16'],
    ['with host bits', { network: '10.0.3.0/16' }, 'has bits set beyond its prefix: 10.0.0.0/16 may be meant'],
    ['IPv6', { network: 'fd00::/48', backend: { type: 'vxlan' } }, 'is IPv6, and the backend vxlan carries IPv4 only'],
    ['loopback', { network: '127.16.0.0/16' }, 'overlaps 127.0.0.0/8, which is for loopback'],
    [
      'with a backend that nobody knows',
      { backend: { type: 'vxlam' } },
      'spec.backend.type: Unsupported value: "vxlam": supported values: "wireguard", "vxlan", "host-gw", "none"',
    ],
    [
      'with an option of another backend',
      { backend: { type: 'host-gw', vni: 3 } },
      'spec.backend.vni: Forbidden: the backend host-gw has no such option',
    ],
    ['with a VNI beyond 24 bits', { backend: { type: 'vxlan', vni: 2 ** 24 } }, 'must be from 1 to 16777215'],
    ['cut too finely', { network: '10.0.0.0/16', hostPrefix: 31 }, 'must be from 18 to 30'],
    [
      'with a first subnet that is none',
      { firstSubnet: '10.244.0.7' },
      'must be the address of a /24 in 10.244.0.0/16, such as 10.244.1.0',
    ],
    [
      'with first and last the wrong way round',
      { firstSubnet: '10.244.9.0', lastSubnet: '10.244.3.0' },
      'must not be before 10.244.9.0',
    ],
    ['with a reservation outside', { reservations: [{ node: 'a', subnet: '10.1.1.0/24' }] }, 'must be a /24 in 10.244.0.0/16'],
    [
      'with a reservation for two',
      { reservations: ['a', 'b'].map((node) => ({ node, subnet: '10.244.7.0/24' })) },
      'spec.reservations[1].subnet: Invalid value: "10.244.7.0/24": is reserved for a already',
    ],
    ['with a domain that is none', { clusterDomain: 'No Domain' }, 'spec.clusterDomain'],
  ])('is refused when it is %s', (_, spec, expected) => {
    const problems = problemsOf(spec);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });
});

describe("flannel's configuration", () => {
  test('is taken as it is', () => {
    const flannelConfig = JSON.stringify({
      Network: '10.5.0.0/16',
      SubnetLen: 26,
      SubnetMin: '10.5.10.0',
      SubnetMax: '10.5.99.0',
      Backend: { Type: 'vxlan', VNI: 7, Port: 4789, DirectRouting: true },
    });
    const config = readNetwork({ flannelConfig, clusterDomain: 'prod.example' }).config!;
    expect(config).toMatchObject({
      network: { prefix: 16 },
      hostPrefix: 26,
      backend: { type: 'vxlan', vni: 7, port: 4789, directRouting: true },
      clusterDomain: 'prod.example',
    });
    expect([config.first, config.last].map(formatAddress)).toEqual(['10.5.10.0', '10.5.99.0']);
  });

  test.each([
    ['no JSON', '{', 'is no JSON'],
    ['no network', '{}', 'Network: is missing'],
    ['a backend of the past', '{"Network":"10.5.0.0/16","Backend":{"Type":"udp"}}', 'udp is not supported: use vxlan'],
    ['IPv6', '{"Network":"10.5.0.0/16","EnableIPv6":true}', 'only IPv4 is supported'],
    ['a wrong type', '{"Network":"10.5.0.0/16","SubnetLen":"24"}', 'SubnetLen'],
    ['a key', '{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard","PSK":"x"}}', 'Backend.PSK: is not supported'],
  ])('with %s is refused by name', (_, flannelConfig, expected) => {
    expect(problemsOf({ flannelConfig })[0]).toContain(expected);
  });

  test('beside the fields that say the same is refused', () => {
    expect(problemsOf({ flannelConfig: '{"Network":"10.5.0.0/16"}', network: '10.6.0.0/16' })).toEqual([
      'spec.network: Forbidden: spec.flannelConfig says it: give one of the two',
    ]);
  });
});
