import { describe, expect, test } from '@jest/globals';
import type { AssignedNetwork } from '../assigned-network.ts';
import { readNetwork } from '../config.ts';
import { FLANNEL_PREFIX, flannelMismatch, leaseKey, leaseValue, readLease, withFlannelPeers } from './lease.ts';

const assigned = (type: 'vxlan' | 'wireguard' | 'host-gw' = 'vxlan'): AssignedNetwork => ({
  network: '10.5.0.0/16',
  subnet: '10.5.9.0/24',
  backend: readNetwork({ backend: { type } }).config!.backend,
  clusterDomain: 'cluster.local',
  peers: [],
});
/** As flanneld 0.20.2 wrote it. */
const KEY = '/coreos.com/network/subnets/10.5.52.0-24';
const VALUE =
  '{"PublicIP":"192.168.78.2","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"e6:3D:00:11:22:33"}}';

describe("flannel's leases", () => {
  test('are read as flanneld writes them, and those of other kinds are left out', () => {
    expect(readLease(FLANNEL_PREFIX, KEY, VALUE)).toEqual({
      subnet: '10.5.52.0/24',
      publicIp: '192.168.78.2',
      backend: 'vxlan',
      vni: 1,
      vtepMac: 'e6:3d:00:11:22:33',
    });
    expect(readLease(FLANNEL_PREFIX, `${KEY}&fc00---64`, VALUE)?.subnet).toBe('10.5.52.0/24');
    expect(readLease(FLANNEL_PREFIX, `${FLANNEL_PREFIX}/subnets/nonsense`, VALUE)).toBeUndefined();
    expect(readLease(FLANNEL_PREFIX, KEY, '{}')).toBeUndefined();
    expect(readLease(FLANNEL_PREFIX, KEY, 'not json')).toBeUndefined();
  });

  test('are written so that flanneld reads them', () => {
    expect(leaseKey(FLANNEL_PREFIX, '10.5.9.0/24')).toBe('/coreos.com/network/subnets/10.5.9.0-24');
    expect(JSON.parse(leaseValue(assigned(), '192.168.77.1'))).toEqual({
      PublicIP: '192.168.77.1',
      PublicIPv6: null,
      BackendType: 'vxlan',
      BackendData: { VNI: 1, VtepMAC: '02:54:0a:05:09:00' },
    });
  });

  test('become peers, but for those of hosts that have moved', () => {
    const lease = readLease(FLANNEL_PREFIX, KEY, VALUE)!;
    const own = { ...lease, subnet: '10.5.9.0/24' };
    expect(withFlannelPeers(assigned(), [lease, own], 1500).peers).toEqual([
      { node: 'flannel-192.168.78.2', subnet: '10.5.52.0/24', address: '192.168.78.2', mtu: 1500, vtepMac: 'e6:3d:00:11:22:33' },
    ]);
  });
});

test.each([
  ['the same', '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}', 'vxlan', undefined],
  [
    'the same, and encrypted between hosts that have moved',
    '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}',
    'wireguard',
    undefined,
  ],
  ['another network', '{"Network":"10.6.0.0/16","Backend":{"Type":"vxlan"}}', 'vxlan', "flannel's network is 10.6.0.0/16"],
  ['another backend', '{"Network":"10.5.0.0/16","Backend":{"Type":"host-gw"}}', 'vxlan', "flannel's backend is host-gw"],
  ['another VNI', '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":9}}', 'vxlan', 'flannel has VNI 9'],
  ['udp', '{"Network":"10.5.0.0/16","Backend":{"Type":"udp"}}', 'vxlan', 'use vxlan'],
] as const)('a flannel configuration that has %s is told from ours', (_, config, type, expected) => {
  const found = flannelMismatch(assigned(type), config);
  if (expected === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(expected);
});
