import { createHash } from 'node:crypto';
import { type Cidr, contains, formatCidr, parseCidr, sizeOf } from './ipv4.ts';
import type { NetworkConfig } from './config.ts';

/** Somebody who needs a subnet, by the name that it has in the cluster: never by an address, which hosts behind one NAT share. */
export interface Claimant {
  readonly node: string;
  /** What it has now. */
  readonly subnet?: string | undefined;
}

export interface Leases {
  /** By node. */
  readonly subnets: ReadonlyMap<string, string>;
  /** Those for whom none is left. */
  readonly waiting: readonly string[];
}

/** How many hosts have room. */
export function capacityOf({ first, last, hostPrefix }: Pick<NetworkConfig, 'first' | 'last' | 'hostPrefix'>): number {
  return (last - first) / sizeOf(hostPrefix) + 1;
}

/**
 * A subnet for each claimant, no two the same. Who has a good one keeps it; of two that have the same, the earlier in the list. Then
 * those with a reservation get theirs, if nobody has it, and the others one that is free. Which one follows from the node's name: a host
 * that was removed and comes back under its name gets its own again, if nobody took it meanwhile, and another host seldom gets one that
 * was just given back.
 */
export function leaseSubnets(config: NetworkConfig, claimants: readonly Claimant[]): Leases {
  const { first, hostPrefix, reservations } = config;
  const size = sizeOf(hostPrefix);
  const capacity = capacityOf(config);
  const subnets = new Map<string, string>();
  const taken = new Set<number>();
  const give = (node: string, base: number) => {
    taken.add(base);
    subnets.set(node, formatCidr({ base, prefix: hostPrefix }));
  };

  for (const { node, subnet } of claimants) {
    const held = subnet === undefined ? undefined : parseCidr(subnet);
    if (held && !taken.has(held.base) && mayKeep(config, node, held)) give(node, held.base);
  }
  for (const { node } of claimants) {
    const own = reservations.get(node);
    if (own && !subnets.has(node) && !taken.has(own.base)) give(node, own.base);
  }
  const reserved = new Set(Array.from(reservations.values(), ({ base }) => base));
  const waiting: string[] = [];
  let free = capacity - [...new Set([...taken, ...reserved])].filter((base) => base >= first && base <= config.last).length;
  for (const { node } of claimants) {
    if (subnets.has(node)) continue;
    if (free === 0) {
      waiting.push(node);
      continue;
    }
    const start = hash(node) % capacity;
    for (let step = 0; step < capacity; step++) {
      const base = first + ((start + step) % capacity) * size;
      if (taken.has(base) || reserved.has(base)) continue;
      give(node, base);
      free--;
      break;
    }
  }
  return { subnets, waiting };
}

/** In the network, and not one that was kept for another before it was given. A reservation that comes later takes nobody's away. */
function mayKeep({ network, first, last, hostPrefix, reservations }: NetworkConfig, node: string, held: Cidr): boolean {
  if (held.prefix !== hostPrefix || !contains(network, held)) return false;
  return (held.base >= first && held.base <= last) || reservations.get(node)?.base === held.base;
}

function hash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}
