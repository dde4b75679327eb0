import type { Placer } from '../engine/placer.ts';
import { HOST, type SchedulingNode, type Spread, type Term, type Work } from '../engine/work.ts';
import { untoleratedTaint } from '../taints.ts';

/**
 * The rules of placing, said as plainly as they can be: everything is counted anew for every question. What the engine answers must
 * be what this answers.
 */
export interface Standing {
  readonly work: Work;
  readonly node: SchedulingNode;
}

/** Whether such work may be put on the node while all this stands. */
export function mayStand(
  work: Work,
  node: SchedulingNode,
  nodes: readonly SchedulingNode[],
  standing: readonly Standing[],
): boolean {
  const here = standing.filter((each) => each.node === node);
  if (node.closed !== undefined || untoleratedTaint(work.tolerations, node.taints)) return false;
  if (work.filter && !work.filter.accepts(node)) return false;
  if (here.length + 1 > (node.room.get('pods') ?? 0)) return false;
  for (const [resource, amount] of work.requests) {
    const taken = here.reduce((sum, each) => sum + (each.work.requests.get(resource) ?? 0), 0);
    if (amount > 0 && taken + amount > (node.room.get(resource) ?? 0)) return false;
  }
  for (const mine of work.ports)
    for (const theirs of here.flatMap((each) => each.work.ports))
      if (mine.port === theirs.port && mine.protocol === theirs.protocol)
        if (mine.ip === theirs.ip || mine.ip === '0.0.0.0' || theirs.ip === '0.0.0.0') return false;
  return (
    standing.every((other) => !keepsAway(work, node, other) && !keepsAway(other.work, other.node, { work, node })) &&
    (work.needs.every((term) => isNear(term, node, standing)) || isFirst(work, node, standing)) &&
    work.spread.every((spread) => !spread.required || isEven(spread, work, node, nodes, standing))
  );
}

/** What stands by the placer's own account. */
export function standingIn({ model, nodeOf, workOf }: Placer): Standing[] {
  const { classes, works } = model;
  return [...nodeOf].flatMap((node, piece) =>
    node < 0 ? [] : [{ work: works[workOf[piece]!]!.work, node: classes.nodes[node]! }],
  );
}

/** What is where it may not be, by the rules that don't depend on the order of placing: room, filters, taints, ports, who stays away from whom. */
export function misplacedIn(placer: Placer): Standing[] {
  const standing = standingIn(placer);
  const { nodes } = placer.model.classes;
  return standing.filter(
    ({ work, node }, at) => !mayStand({ ...work, needs: [], spread: [] }, node, nodes, standing.toSpliced(at, 1)),
  );
}

function domain(node: SchedulingNode, key: string): string | undefined {
  return key === HOST ? node.name : Object.hasOwn(node.labels, key) ? node.labels[key] : undefined;
}

function together(a: SchedulingNode, b: SchedulingNode, key: string): boolean {
  return domain(a, key) !== undefined && domain(a, key) === domain(b, key);
}

function keepsAway(work: Work, node: SchedulingNode, other: Standing): boolean {
  return work.avoids.some((term) => term.matches(other.work) && together(node, other.node, term.topologyKey));
}

function isNear(term: Term, node: SchedulingNode, standing: readonly Standing[]): boolean {
  return standing.some((each) => term.matches(each.work) && together(node, each.node, term.topologyKey));
}

function isFirst(work: Work, node: SchedulingNode, standing: readonly Standing[]): boolean {
  return work.needs.every(
    (term) =>
      term.matches(work) &&
      domain(node, term.topologyKey) !== undefined &&
      !standing.some((each) => term.matches(each.work) && domain(each.node, term.topologyKey) !== undefined),
  );
}

function isEven(
  spread: Spread,
  work: Work,
  node: SchedulingNode,
  nodes: readonly SchedulingNode[],
  standing: readonly Standing[],
): boolean {
  const { term, maxSkew, minDomains, honourFilter, honourTaints } = spread;
  const own = domain(node, term.topologyKey);
  if (own === undefined) return false;
  const keys = work.spread.filter(({ required }) => required).map((each) => each.term.topologyKey);
  const eligible = new Set<string>();
  const counted = new Set<SchedulingNode>();
  for (const each of nodes) {
    if (keys.some((key) => domain(each, key) === undefined)) continue;
    if (honourFilter && work.filter && !work.filter.accepts(each)) continue;
    if (honourTaints && (each.closed !== undefined || untoleratedTaint(work.tolerations, each.taints))) continue;
    if (domain(each, term.topologyKey) === undefined) continue;
    counted.add(each);
    eligible.add(domain(each, term.topologyKey)!);
  }
  const count = (name: string) =>
    standing.filter((each) => counted.has(each.node) && term.matches(each.work) && domain(each.node, term.topologyKey) === name)
      .length;
  const counts = [...eligible].map(count);
  const least = eligible.size === 0 || eligible.size < minDomains ? 0 : Math.min(...counts);
  return count(own) + (term.matches(work) ? 1 : 0) - least <= maxSkew;
}
