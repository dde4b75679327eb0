import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { NetworkSpec } from '../resources/schema/network.ts';
import { readNetwork } from './config.ts';
import { type Claimant, capacityOf, leaseSubnets } from './leases.ts';

const configOf = (spec: NetworkSpec) => readNetwork(spec).config!;
const SMALL = configOf({ network: '10.9.0.0/26', hostPrefix: 29 });
const host = (node: string, subnet?: string): Claimant => ({ host: `id-of-${node}`, node, subnet });
const names = (...nodes: string[]): Claimant[] => nodes.map((node) => host(node));
/** By node. */
const subnetsOf = (claimants: readonly Claimant[], config = SMALL) => {
  const { subnets } = leaseSubnets(config, claimants);
  return Object.fromEntries(claimants.map((one) => [one.node, subnets.get(one.host)]));
};

describe('a lease', () => {
  test('is the same however often it is asked for, and whoever comes later', () => {
    const first = subnetsOf(names('a', 'b'));
    const again = Object.entries(first).map(([node, subnet]) => host(node, subnet));
    expect(subnetsOf([...names('c'), ...again])).toMatchObject(first);
  });

  test("is the host's, not its name's: who joins under the name of a host that was removed has none, and may find it taken", () => {
    const before = subnetsOf(names('a', 'b', 'c'));
    const others = ['a', 'c'].map((node) => host(node, before[node]));
    const again: Claimant = { host: 'another', node: 'b' };
    expect(subnetsOf([...others, again])['b']).toBe(before['b']);
    const quicker = host('quicker', before['b']);
    const late = subnetsOf([...others, quicker, again]);
    expect(late['quicker']).toBe(before['b']);
    expect(late['b']).not.toBe(before['b']);
  });

  test('that is reserved goes to its host, and to no other however full the network', () => {
    const config = configOf({ network: '10.9.0.0/26', hostPrefix: 29, reservations: [{ node: 'db', subnet: '10.9.0.16/29' }] });
    const crowd = names(...Array.from({ length: 10 }, (_, index) => `n${index}`));
    const leases = leaseSubnets(config, crowd);
    expect([...leases.subnets.values()]).not.toContain('10.9.0.16/29');
    expect(leases.waiting).toHaveLength(10 - 6);
    expect(subnetsOf([...crowd, host('db')], config)['db']).toBe('10.9.0.16/29');
  });

  test('outside the network, of another size, or held by an earlier one, is replaced', () => {
    const subnets = subnetsOf([
      host('first', '10.9.0.8/29'),
      host('twin', '10.9.0.8/29'),
      host('moved', '10.8.0.8/29'),
      host('other-size', '10.9.0.32/28'),
    ]);
    expect(subnets['first']).toBe('10.9.0.8/29');
    expect(new Set(Object.values(subnets)).size).toBe(4);
    expect(Object.values(subnets).every((subnet) => /^10\.9\.0\.\d+\/29$/.test(subnet ?? ''))).toBe(true);
  });

  test('property: no two hosts share one, nobody waits while one is free, and who has one keeps it', () => {
    const subnet = fc.oneof(
      fc.constant(undefined),
      fc.integer({ min: 0, max: 9 }).map((index) => `10.9.0.${index * 8}/29`),
      fc.constant('10.1.0.0/29'),
    );
    const claimants = fc
      .uniqueArray(fc.record({ node: fc.stringMatching(/^[a-f]{1,3}$/), subnet }), {
        selector: ({ node }) => node,
        maxLength: 14,
      })
      .map((hosts) => hosts.map((one) => host(one.node, one.subnet)));
    const reservations = fc.uniqueArray(
      fc.record({
        node: fc.stringMatching(/^[a-f]{1,2}$/),
        subnet: fc.integer({ min: 0, max: 7 }).map((i) => `10.9.0.${i * 8}/29`),
      }),
      { selector: ({ node }) => node, maxLength: 4 },
    );
    fc.assert(
      fc.property(claimants, reservations, (hosts, kept) => {
        const unique = kept.filter((one, index) => kept.findIndex(({ subnet }) => subnet === one.subnet) === index);
        const config = configOf({ network: '10.9.0.0/26', hostPrefix: 29, reservations: unique });
        const { subnets, waiting } = leaseSubnets(config, hosts);
        expect(new Set(subnets.values()).size).toBe(subnets.size);
        expect(subnets.size + waiting.length).toBe(hosts.length);
        if (waiting.length > 0) {
          const inRange = [...subnets.values(), ...unique.map((one) => one.subnet)].filter((one) => one !== '10.9.0.0/29');
          expect(new Set(inRange).size).toBe(capacityOf(config));
        }
        // Asked again with what they got, nothing moves.
        const held = hosts.map((one) => ({ ...one, subnet: subnets.get(one.host) }));
        expect(leaseSubnets(config, held).subnets).toEqual(subnets);
      }),
    );
  });
});
