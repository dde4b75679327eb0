import { describe, expect, test } from '@jest/globals';
import type { AssignedNetwork, NetworkPeer } from '../assigned-network.ts';
import { encryptionOf } from './encryption.ts';

const key = { publicKey: 'k', endpoints: [] };
const peer = (node: string, given: Partial<NetworkPeer> = {}): NetworkPeer => ({
  node,
  subnet: '10.244.9.0/24',
  address: '192.168.7.9',
  mtu: 1500,
  vtepMac: '02:54:0a:f4:09:00',
  ...given,
});

function told(peers: readonly NetworkPeer[], { allowUnencrypted = true, keyHolder = '' } = {}): string {
  const assigned = { peers, backend: { allowUnencrypted }, ...(keyHolder && { keyHolder }) } as unknown as AssignedNetwork;
  const { status, reason, message } = encryptionOf(assigned, 'kernel');
  return `${status} ${reason}: ${message}`;
}

describe('a host with WireGuard says of its packets to others', () => {
  test('that they are encrypted, if all others have it', () => {
    expect(told([peer('b', { wireguard: key })])).toBe('True WireGuard: packets to other hosts are encrypted (kernel)');
  });

  test('to whom they are not, and that there is no WireGuard there', () => {
    expect(told([peer('b'), peer('c', { wireguard: key })])).toBe(
      'False PeersWithoutWireGuard: packets to b are not encrypted: no WireGuard there',
    );
    expect(told([peer('b')], { allowUnencrypted: false })).toBe(
      'False PeersWithoutWireGuard: packets to b are not sent: no WireGuard there',
    );
    expect(told(['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => peer(name)))).toContain(
      'packets to b, c, d, e, f and 2 more are',
    );
  });

  test("that another's key is not believed, and whose it is", () => {
    expect(told([peer('b', { keyHolder: 'a' }), peer('c')])).toBe(
      'False PeersWithoutWireGuard: packets to b are not encrypted: the key there is that of a; packets to c are not encrypted: no WireGuard there',
    );
  });

  test('that its own key is not believed, and what to do', () => {
    expect(told([peer('a')], { keyHolder: 'a' })).toMatch(
      /^False WireGuardKeyRefused: this host's key is that of node a, .*: packets to other hosts are not encrypted\. Remove a if .*wireguard\.key/,
    );
    expect(told([peer('a')], { keyHolder: 'a', allowUnencrypted: false })).toContain('packets to other hosts are not sent');
  });
});
