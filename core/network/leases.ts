import { createHash } from 'node:crypto';
import { type Cidr, contains, formatCidr, parseCidr, sizeOf } from './ipv4.ts';
import type { NetworkConfig } from './config.ts';

/** Somebody who needs a subnet. */
export interface Claimant {
  /**
   * The host's id in the registry: the uid of its Node. Given when the host is first heard of, it stays until the host is removed, whatever
   * becomes of its disk, its key and its addresses; who joins later under the same name is another. Never an address: hosts behind one NAT
   * share them.
   */
  readonly host: string;
  /** Its name: by it parts are reserved, and it says where a free one is looked for first. */
  readonly node: string;
  /** What it has now. */
  readonly subnet?: string | undefined;
}

export interface Leases {
  /** By host id. */
  readonly subnets: ReadonlyMap<string, string>;
  /** Ids of hosts for which none is left. */
  readonly waiting: readonly string[];
}

/** How many hosts have room. */
export function capacityOf({ first, last, hostPrefix }: Pick<NetworkConfig, 'first' | 'last' | 'hostPrefix'>): number {
  return (last - first) / sizeOf(hostPrefix) + 1;
}

/**
 * A subnet for each claimant, no two the same. Who has a good one keeps it; of two that have the same, the earlier in the list. Then
 * those with a reservation get theirs, if nobody has it, and the others one that is free. Which one follows from the node's name: a host
 * that was removed has no lease any more, but one that joins under its name finds the same, if nobody took it meanwhile, and another host
 * seldom gets one that was just given back.
 */
export function leaseSubnets(config: NetworkConfig, claimants: readonly Claimant[]): Leases {
  const { first, hostPrefix, reservations } = config;
  const size = sizeOf(hostPrefix);
  const capacity = capacityOf(config);
  const subnets = new Map<string, string>();
  const taken = new Set<number>();
  const give = (host: string, base: number) => {
    taken.add(base);
    subnets.set(host, formatCidr({ base, prefix: hostPrefix }));
  };

  for (const { host, node, subnet } of claimants) {
    const held = subnet === undefined ? undefined : parseCidr(subnet);
    if (held && !taken.has(held.base) && mayKeep(config, node, held)) give(host, held.base);
  }
  for (const { host, node } of claimants) {
    const own = reservations.get(node);
    if (own && !subnets.has(host) && !taken.has(own.base)) give(host, own.base);
  }
  const reserved = new Set(Array.from(reservations.values(), ({ base }) => base));
  const waiting: string[] = [];
  let free = capacity - [...new Set([...taken, ...reserved])].filter((base) => base >= first && base <= config.last).length;
  for (const { host, node } of claimants) {
    if (subnets.has(host)) continue;
    if (free === 0) {
      waiting.push(host);
      continue;
    }
    const start = hash(node) % capacity;
    for (let step = 0; step < capacity; step++) {
      const base = first + ((start + step) % capacity) * size;
      if (taken.has(base) || reserved.has(base)) continue;
      give(host, base);
      free--;
      break;
    }
  }
  return { subnets, waiting };
}

/** In the network, and not one that was kept for another before it was given. A reservation that comes later takes nobody's away. */
export function mayKeep({ network, first, last, hostPrefix, reservations }: NetworkConfig, node: string, held: Cidr): boolean {
  if (held.prefix !== hostPrefix || !contains(network, held)) return false;
  return (held.base >= first && held.base <= last) || reservations.get(node)?.base === held.base;
}

function hash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}
