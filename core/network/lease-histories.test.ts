import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { NetworkSpec } from '../resources/schema/network.ts';
import { readNetwork } from './config.ts';
import { type Claimant, capacityOf, leaseSubnets } from './leases.ts';

/** Hosts that come, are rebuilt, go and come again under the same name, in a network with room for five. */

type Step =
  | { readonly kind: 'join' | 'remove' | 'rebuild'; readonly node: string }
  | { readonly kind: 'reserve'; readonly node: string; readonly index: number };

const node = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), node }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('remove' as const, 'rebuild' as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reserve' as const), node, index: fc.integer({ min: 1, max: 7 }) }) },
);
const SPEC: NetworkSpec = { network: '10.9.0.0/26', hostPrefix: 29, lastSubnet: '10.9.0.40' };

test('property: through any history no two hosts share a subnet, a host keeps its own until it is removed, and none waits beside a free one', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let hosts: Claimant[] = [];
      const reservations: { node: string; subnet: string }[] = [];
      let ids = 0;
      for (const one of steps) {
        const there = hosts.some((host) => host.node === one.node);
        // A cluster has one host of a name at a time, and the id is the registry's: a rebuild leaves both as they are.
        if (one.kind === 'join' && !there) hosts = [...hosts, { host: `host-${ids++}`, node: one.node }];
        if (one.kind === 'remove') hosts = hosts.filter((host) => host.node !== one.node);
        if (one.kind === 'rebuild') hosts = hosts.map((host) => ({ ...host }));
        if (one.kind === 'reserve') {
          const subnet = `10.9.0.${one.index * 8}/29`;
          if (!reservations.some((each) => each.node === one.node || each.subnet === subnet))
            reservations.push({ node: one.node, subnet });
        }
        const { config, problems } = readNetwork({ ...SPEC, reservations });
        expect(problems).toEqual([]);
        const { subnets, waiting } = leaseSubnets(config!, hosts);

        expect(new Set(subnets.values()).size).toBe(subnets.size);
        expect([...subnets.keys(), ...waiting].sort()).toEqual(hosts.map(({ host }) => host).sort());
        for (const { host, subnet } of hosts) if (subnet !== undefined) expect(subnets.get(host)).toBe(subnet);
        if (waiting.length > 0) {
          const taken = new Set([...subnets.values(), ...reservations.map(({ subnet }) => subnet)]);
          const inRange = Array.from({ length: capacityOf(config!) }, (_, index) => `10.9.0.${(index + 1) * 8}/29`);
          expect(inRange.filter((subnet) => !taken.has(subnet))).toEqual([]);
        }
        // What a host gets anew and is reserved is its own.
        for (const { host, node: name, subnet } of hosts) {
          const reserved = reservations.find((each) => each.subnet === subnets.get(host));
          if (subnet === undefined && reserved) expect(reserved.node).toBe(name);
        }
        hosts = hosts.map((host) => ({ ...host, subnet: subnets.get(host.host) }));
      }
    }),
    { numRuns: 500 },
  );
});
