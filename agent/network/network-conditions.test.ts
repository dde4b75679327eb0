import { describe, expect, test } from '@jest/globals';
import type { AssignedNetwork, NetworkPeer } from '../../core/network/assigned-network.ts';
import { readNetwork } from '../../core/network/config.ts';
import type { Verdict } from '../node/conditions.ts';
import { networkConditions } from './network-conditions.ts';

const SUBNET = '10.244.7.0/24';
const { backend } = readNetwork({ backend: { type: 'wireguard' } }).config!;
const peer = (node: string, address: string): NetworkPeer => ({ node, address, subnet: '10.244.8.0/24', mtu: 1500, vtepMac: '' });

function open({ pods = [] as string[], type = 'host-gw' as const as 'host-gw' | 'wireguard' } = {}) {
  const told: string[] = [];
  const assigned: AssignedNetwork = {
    network: '10.244.0.0/16',
    subnet: SUBNET,
    backend: { ...backend, type },
    clusterDomain: 'cluster.local',
    peers: [],
  };
  const encryption: Verdict = { type: 'NetworkEncrypted', status: 'False', reason: 'NoWireGuard', message: 'b can not' };
  const conditions = networkConditions({
    assigned: () => assigned,
    podAddresses: () => pods,
    encryption: () => encryption,
    events: {
      add: ({ type: kind, reason, message }) => void told.push(`${kind} ${reason}: ${message}`),
      recent: () => [],
    },
  });
  return { conditions, told };
}

describe('what is told of a host part in the pods network', () => {
  test('nothing before it was set up, and then the subnet', () => {
    const { conditions, told } = open();
    conditions.settle(undefined);
    expect(conditions.verdicts()).toEqual([]);
    conditions.ready(SUBNET);
    conditions.settle(undefined);
    expect(conditions.verdicts()).toMatchObject([{ status: 'False', message: `this host's pods have ${SUBNET}` }]);
    expect(told).toEqual([]);
  });

  test('trouble is an Event when it begins and when it ends, not at each look', () => {
    const { conditions, told } = open();
    const trouble = { reason: 'NetworkClash', message: 'it overlaps' };
    for (let look = 0; look < 3; look++) conditions.settle(trouble);
    expect(conditions.verdicts()).toMatchObject([{ type: 'NetworkUnavailable', status: 'True', ...trouble }]);
    for (let look = 0; look < 3; look++) conditions.settle(undefined);
    expect(told).toEqual([
      'Warning NetworkClash: it overlaps',
      "Normal NetworkReady: this host's part of the pods' network works",
    ]);
    // What worked before it is known again at the next look that goes well.
    expect(conditions.verdicts()).toEqual([]);
  });

  test('peers off the link are told of once, with what to do, and stay in the condition', () => {
    const { conditions, told } = open();
    conditions.ready(SUBNET);
    for (let look = 0; look < 2; look++) conditions.offLink([peer('b', '192.168.9.2')]);
    expect(told).toEqual([
      expect.stringMatching(/^Warning PeersNotOnLink: 1 host is not on a link.*b \(192\.168\.9\.2\): put the hosts/),
    ]);
    expect(conditions.verdicts()[0]?.message).toContain('b (192.168.9.2)');
    conditions.offLink([]);
    expect(conditions.verdicts()[0]?.message).toBe(`this host's pods have ${SUBNET}`);
  });

  test('pods with an address from before are counted', () => {
    const { conditions } = open({ pods: ['10.244.7.3', '172.17.0.2', '172.17.0.3'] });
    conditions.ready(SUBNET);
    expect(conditions.verdicts()[0]?.message).toMatch(
      /; 2 pods run with an address from before and move when restarted \(delete them/,
    );
  });

  test('that packets are not encrypted is an Event once', () => {
    const { conditions, told } = open({ type: 'wireguard' });
    conditions.ready(SUBNET);
    for (let look = 0; look < 2; look++) conditions.settle(undefined);
    expect(told).toEqual(['Warning NetworkNotEncrypted: b can not']);
    expect(conditions.verdicts().map(({ type }) => type)).toEqual(['NetworkUnavailable', 'NetworkEncrypted']);
  });
});
