import { HOST, type SchedulingNode } from './work.ts';
import type { NodeClasses } from './node-classes.ts';

/** The domains of one topology: which one each node is in; -1 = none, it lacks the label. */
export interface Topology {
  readonly key: string;
  readonly domainOf: Int32Array;
  readonly domainCount: number;
  /** All nodes of a class are in the same domain: what holds for one holds for all of them. */
  readonly wide: boolean;
  /** Each node is in a domain: none lacks the label. */
  readonly complete: boolean;
  /** No two nodes are in the same domain. */
  readonly single: boolean;
  /** The most that one node is to hold. */
  readonly mostPieces: number;
  /** Of the wide: domain of each node class. */
  readonly domainOfClass: Int32Array;
}

export function topologyOf(key: string, { nodes, first, individual }: NodeClasses): Topology {
  const domains = new Map<string, number>();
  const domain = (node: SchedulingNode, index: number): number => {
    if (key === HOST) return index;
    const value = Object.hasOwn(node.labels, key) ? node.labels[key] : undefined;
    if (value === undefined) return -1;
    if (!domains.has(value)) domains.set(value, domains.size);
    return domains.get(value)!;
  };
  const domainOf = Int32Array.from(nodes, domain);
  const wide = key !== HOST && !individual.has(key);
  const domainCount = key === HOST ? nodes.length : domains.size;
  const inDomains = domainOf.reduce((count, each) => (each < 0 ? count : count + 1), 0);
  return {
    key,
    domainOf,
    domainCount,
    wide,
    complete: inDomains === nodes.length,
    single: inDomains === domainCount,
    mostPieces: nodes.reduce((most, { room }) => Math.max(most, room.get('pods') ?? 0), 0),
    domainOfClass: wide ? Int32Array.from(first, (node) => domainOf[node]!) : new Int32Array(0),
  };
}

const MOST_OF_16_BITS = 65_535;

/** How much work of some kind there is in each domain. */
export class Tally {
  readonly topology: Topology;
  readonly domainOf: Int32Array;
  readonly counts: Int32Array | Uint16Array;
  total = 0;
  /** How often something was taken away. */
  removals = 0;

  constructor(topology: Topology) {
    this.topology = topology;
    this.domainOf = topology.domainOf;
    // Half the memory where a domain is a node, as nearly all hold fewer pieces than that; a zone or a rack may hold more.
    this.counts =
      topology.single && topology.mostPieces < MOST_OF_16_BITS / 2
        ? new Uint16Array(topology.domainCount)
        : new Int32Array(topology.domainCount);
  }

  add(node: number, amount: number): void {
    const domain = this.domainOf[node]!;
    if (domain < 0) return;
    if (amount < 0) this.removals++;
    this.counts[domain]! += amount;
    this.total += amount;
  }

  /** In the node's domain; 0 if it is in none. */
  at(node: number): number {
    const domain = this.domainOf[node]!;
    return domain < 0 ? 0 : this.counts[domain]!;
  }
}
