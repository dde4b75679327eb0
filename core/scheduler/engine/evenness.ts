import { untoleratedTaint } from '../taints.ts';
import { isIndividual, type NodeClasses } from './node-classes.ts';
import type { Topology } from './tally.ts';
import type { Spread, Work } from './work.ts';

/**
 * Which nodes count when work is kept even over the domains of a topology: those that are in a domain of each of its constraints, and, as far as the
 * constraint says so, that its filter accepts and whose taints it tolerates. What is on others is not counted, nor are domains that have
 * only others. https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */
export interface Eligible {
  /** true: `bits` are of node classes, as all nodes of one are alike in this. */
  readonly byClass: boolean;
  readonly bits: Uint8Array;
}

/** `all`: the topologies of all required constraints of the work. undefined: all nodes that are in a domain. */
export function eligibleFor(
  { honourFilter, honourTaints }: Spread,
  { filter, tolerations }: Work,
  { domainOf }: Topology,
  all: readonly Topology[],
  classes: NodeClasses,
): Eligible | undefined {
  const { nodes, first } = classes;
  const counts = (node: number): number => {
    const { taints, closed } = nodes[node]!;
    if (all.some((topology) => topology.domainOf[node]! < 0)) return 0;
    if (honourTaints && (closed !== undefined || untoleratedTaint(tolerations, taints))) return 0;
    return !honourFilter || !filter || filter.accepts(nodes[node]!) ? 1 : 0;
  };
  const byClass = all.every(({ wide }) => wide) && !(filter && isIndividual(filter, classes));
  const bits = byClass ? Uint8Array.from(first, counts) : Uint8Array.from(nodes.keys(), counts);
  const excludes = (byClass ? first : [...nodes.keys()]).some((node, at) => domainOf[node]! >= 0 && bits[at] === 0);
  return excludes ? { byClass, bits } : undefined;
}

/** The same domains without the nodes that don't count. */
export function restricted(topology: Topology, { byClass, bits }: Eligible, { classOf }: NodeClasses): Topology {
  const keep = (domain: number, at: number) => (bits[at] === 1 ? domain : -1);
  return {
    ...topology,
    domainOf: topology.domainOf.map((domain, node) => keep(domain, byClass ? classOf[node]! : node)),
    wide: topology.wide && byClass,
    complete: false,
    domainOfClass: topology.wide && byClass ? topology.domainOfClass.map(keep) : new Int32Array(0),
  };
}
