import { describe, expect, test } from '@jest/globals';
import type { ObservedLink, ObservedNetwork, ObservedRoute } from './kernel/state.ts';
import { clashWith } from './underlay.ts';

const link = (name: string, ...addresses: string[]): ObservedLink => ({
  name,
  up: true,
  mtu: 1500,
  mac: '',
  kind: '',
  addresses,
});
const route = (to: string, device: string, protocol = 'static'): ObservedRoute => ({ to, device, protocol });
const host = (links: ObservedLink[], routes: ObservedRoute[] = []): ObservedNetwork => ({
  links,
  routes,
  neighbours: [],
  forwarding: [],
});

const NETWORK = '10.244.0.0/16';

describe("a network of the host's own clashes with the pods' network", () => {
  test.each<[string, ObservedNetwork, string]>([
    ['that is a part of it', host([link('office', '10.244.7.1/24')]), '10.244.7.0/24, the network of office'],
    ['that contains it', host([link('eth0', '10.1.2.3/8')]), '10.0.0.0/8, the network of eth0'],
    ['that has one address in it', host([link('wg0', '10.244.9.9/32')]), '10.244.9.9/32, the network of wg0'],
    [
      'that is routed into it',
      host([link('eth0', '192.168.1.2/24')], [route('10.244.16.0/20', 'tun0')]),
      '10.244.16.0/20, which is routed to tun0',
    ],
  ])('%s', (_, observed, expected) => {
    expect(clashWith(NETWORK, observed)).toBe(expected);
  });
});

describe('nothing clashes', () => {
  test.each<[string, ObservedNetwork]>([
    ['that lies beside it', host([link('eth0', '10.243.255.1/16'), link('eth1', '10.245.0.1/16')])],
    [
      'that is ours',
      host(
        [link('terrane-vx', '10.244.7.0/32'), link('trn-0af40700', '10.244.7.1/24')],
        [route('10.244.8.0/24', 'terrane-vx', '84')],
      ),
    ],
    [
      'that is routed more widely: the narrower route wins',
      host([link('eth0', '192.168.1.2/24')], [route('10.0.0.0/8', 'eth0'), route('0.0.0.0/0', 'eth0')]),
    ],
  ])('%s', (_, observed) => {
    expect(clashWith(NETWORK, observed)).toBeUndefined();
  });
});
