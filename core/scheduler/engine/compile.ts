import { softTaints, untoleratedTaint } from '../taints.ts';
import { type CompiledSpread, type CompiledWork, CPU, MEMORY, type Model, type Penalty } from './compiled.ts';
import { Scale } from './levels.ts';
import { classifyNodes, isIndividual, type NodeClasses } from './node-classes.ts';
import { Tallies } from './tallies.ts';
import type { Tally } from './tally.ts';
import type { NodeFilter, SchedulingNode, Spread, Work } from './work.ts';

/** Everything that depends on a class alone is worked out here, once, so that placing looks nothing up. */

const AFFINITY = "node(s) didn't match Pod's node affinity/selector";
const NONE: readonly never[] = [];
const NOBODY: ReadonlySet<number> = new Set();
const BASE = ['cpu', 'memory', 'pods'];
/** One soft taint outweighs all preferences: their weights are at most 100 each. */
const SOFT_TAINT = 10_000;
/** By how much more a required constraint speaks for even zones than one that isn't. */
const REQUIRED = 1_000;

export function compile(nodes: readonly SchedulingNode[], works: readonly Work[]): Model {
  const classes = classifyNodes(nodes, works);
  const resources = resourceNames(works);
  const room = new Float64Array(classes.nodes.length * resources.length);
  for (const [node, { room: amounts }] of classes.nodes.entries())
    for (const [at, name] of resources.entries()) room[node * resources.length + at] = amounts.get(name) ?? 0;
  const most = (resource: number) => {
    let largest = 0;
    for (let at = resource; at < room.length; at += resources.length) largest = Math.max(largest, room[at]!);
    return largest;
  };
  const tallies = new Tallies(classes, works);
  let undemanding: Welcome | undefined;
  const welcome = (work: Work) => (asksOfNodes(work) ? welcomeOf(work, classes) : (undemanding ??= welcomeOf(work, classes)));
  return {
    classes,
    resources,
    room,
    cpu: new Scale(most(CPU)),
    memory: new Scale(most(MEMORY)),
    works: works.map((work, index) => compileWork(work, index, classes, welcome(work), resources, tallies)),
  };
}

function resourceNames(works: readonly Work[]): string[] {
  const others = new Set<string>();
  for (const { requests } of works)
    for (const [name, amount] of requests) if (amount > 0 && !BASE.includes(name)) others.add(name);
  return [...BASE, ...[...others].sort()];
}

/** What node classes think of work. Most work asks nothing of nodes: it shares one, as thousands of small arrays are most of what compiling costs. */
interface Welcome extends Pick<CompiledWork, 'classes' | 'preference' | 'accepts' | 'refusals' | 'leaning'> {
  /** The filter has to be asked node by node. */
  readonly individual: boolean;
}

const asksOfNodes = ({ filter, tolerations, preferences }: Work) =>
  filter !== undefined || tolerations.length + preferences.length > 0;

function welcomeOf(work: Work, classes: NodeClasses): Welcome {
  const { first, nodes } = classes;
  const individual = work.filter !== undefined && isIndividual(work.filter, classes);
  const refusals = first.map((node) => staticRefusal(work, nodes[node]!, individual ? undefined : work.filter));
  const [close, coarse] = partition(work.preferences, ({ filter }) => isIndividual(filter, classes));
  const preference = Float64Array.from(first, (node) => preferenceFor(work, coarse, nodes[node]!));
  const leaning = close.length > 0 ? Float64Array.from(nodes, (node) => -sumOf(close, node)) : undefined;
  const accepting = [...first.keys()]
    .filter((each) => refusals[each] === undefined)
    .sort((a, b) => preference[b]! - preference[a]! || a - b);
  const accepts = Uint8Array.from(refusals, (refusal) => (refusal === undefined ? 1 : 0));
  return { individual, refusals, preference, leaning, accepts, classes: Int32Array.from(accepting) };
}

function compileWork(
  work: Work,
  index: number,
  { nodes }: NodeClasses,
  welcome: Welcome,
  names: readonly string[],
  tallies: Tallies,
): CompiledWork {
  const pieces = work.parts?.length ?? 1;
  const requested = names.map((name) => (name === 'pods' ? pieces : (work.requests.get(name) ?? 0)));
  const resources = Int32Array.from([...requested.keys()].filter((at) => requested[at]! > 0));
  const split = <T extends { readonly tally: Tally }>(all: readonly T[]) => partition(all, ({ tally }) => !tally.topology.wide);
  const adds = tallies.adds[index]!;
  const [forbidsHere, forbidsWide] = split(tallies.forbids[index]!);
  const needs = work.needs.map((term) => tallies.term(term));
  const own = needs.every(({ matches }) => matches.has(index)) ? needs.map(({ matching }) => matching) : undefined;
  const [needsHere, needsWide] = split(needs.map(({ matching }) => ({ tally: matching, own })));
  const required = work.spread.filter((spread) => spread.required);
  const [spreadHere, spreadWide] = split(
    required.map((spread, at) =>
      compileSpread(spread, tallies.spreads[index]![at]!, tallies.term(spread.term).matches.has(index)),
    ),
  );
  const [penaltiesHere, penaltiesWide] = split(penaltiesOf(work, index, tallies));
  const ownDomains = forbidsHere.filter(({ tally }) => adds.some((added) => added.tally === tally));
  // A node that lacks the label is in no domain: nothing there keeps away from anything.
  const alone = ownDomains.some(({ tally }) => tally.topology.complete);
  const leastPenalty = penaltiesHere.reduce(
    (sum, { weight }) => sum + Math.min(0, weight),
    welcome.leaning?.reduce((least, each) => Math.min(least, each), 0) ?? 0,
  );
  const indexesOf = (terms: Work['needs']): ReadonlySet<number> =>
    terms.length === 0 ? NOBODY : new Set(terms.flatMap((term) => [...tallies.term(term).matches.keys()]));
  const dynamic = [forbidsWide, needsHere, needsWide, spreadHere, spreadWide, penaltiesHere, penaltiesWide];
  return {
    work,
    cpu: work.requests.get('cpu') ?? 0,
    memory: work.requests.get('memory') ?? 0,
    resources,
    amounts: Float64Array.from(resources, (at) => requested[at]!),
    classes: welcome.classes,
    preference: welcome.preference,
    accepts: welcome.accepts,
    refusals: welcome.refusals,
    mask: welcome.individual ? Uint8Array.from(nodes, (node) => (work.filter!.accepts(node) ? 1 : 0)) : undefined,
    adds,
    forbidsHere,
    forbidsWide,
    needsHere,
    needsWide,
    spreadHere,
    spreadWide,
    penaltiesHere,
    penaltiesWide,
    leaning: welcome.leaning,
    leastPenalty,
    alone,
    crosses: [...forbidsHere, ...needsHere, ...spreadHere, ...penaltiesHere].some(({ tally }) => !tally.topology.single),
    plain: ownDomains.length === 0 && !welcome.leaning && dynamic.every((list) => list.length === 0),
    revisits: spreadHere.length > 0 || needsHere.length > 0 || penaltiesHere.some(({ weight }) => weight < 0),
    needed: indexesOf(work.needs),
    replaces: work.replaces.length === 0 ? NOBODY : new Set([...indexesOf(work.replaces)].filter((other) => other !== index)),
  };
}

/** Why the node does not want such work however much room it has. The first reason is enough. */
function staticRefusal({ tolerations }: Work, node: SchedulingNode, filter: NodeFilter | undefined): string | undefined {
  if (node.closed !== undefined) return node.closed;
  const taint = untoleratedTaint(tolerations, node.taints);
  if (taint) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  if (filter && !filter.accepts(node)) return AFFINITY;
  return undefined;
}

export const REFUSED_BY_FILTER = AFFINITY;

function preferenceFor({ tolerations }: Work, preferences: Work['preferences'], node: SchedulingNode): number {
  return sumOf(preferences, node) - SOFT_TAINT * softTaints(tolerations, node.taints);
}

function sumOf(preferences: Work['preferences'], node: SchedulingNode): number {
  return preferences.reduce((sum, { weight, filter }) => (filter.accepts(node) ? sum + weight : sum), 0);
}

function partition<T>(all: readonly T[], test: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  if (all.length === 0) return [NONE, NONE];
  return [all.filter(test), all.filter((item) => !test(item))];
}

function compileSpread({ maxSkew, minDomains }: Spread, tally: Tally, self: boolean): CompiledSpread {
  const { domainOf, domainOfClass, wide } = tally.topology;
  const domains = new Set(wide ? domainOfClass : domainOf);
  domains.delete(-1);
  return {
    tally,
    maxSkew,
    minDomains,
    self: self ? 1 : 0,
    domains: Int32Array.from(domains),
    leastDomain: -1,
    least: 0,
    removals: -1,
  };
}

function penaltiesOf({ likes, spread }: Work, index: number, tallies: Tallies): Penalty[] {
  const soft = spread.filter(({ required }) => !required);
  return [
    // What must be even is kept even from the start; among soft ones the wide ones are told apart by their order.
    ...tallies.spreads[index]!.filter(({ topology }) => topology.wide).map((tally) => ({ tally, weight: REQUIRED, once: false })),
    ...soft.map(({ term }) => ({ tally: tallies.term(term).matching, weight: 1, once: false })),
    ...likes.map(({ weight, term }) => ({ tally: tallies.term(term).matching, weight: -weight, once: true })),
  ];
}
