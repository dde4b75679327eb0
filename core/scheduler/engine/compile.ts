import { softTaints, untoleratedTaint } from '../taints.ts';
import { classifyNodes, isIndividual, type NodeClasses } from './node-classes.ts';
import { Scale } from './levels.ts';
import { Tally, type Topology, topologyOf } from './tally.ts';
import { HOST, type NodeFilter, type SchedulingNode, type Spread, type Term, type Work } from './work.ts';

/** Work and nodes as numbers: everything that depends on a class alone is worked out here, once, so that placing looks nothing up. */

/** Resources, in this order; others follow. */
export const CPU = 0;
export const MEMORY = 1;
export const PODS = 2;
const BASE = ['cpu', 'memory', 'pods'];

export interface Model {
  readonly classes: NodeClasses;
  readonly resources: readonly string[];
  /** Node-major: what each node has of each resource. */
  readonly room: Float64Array;
  readonly cpu: Scale;
  readonly memory: Scale;
  readonly works: readonly CompiledWork[];
}

export interface Added {
  readonly tally: Tally;
  readonly amount: number;
}

export interface Forbidden {
  readonly tally: Tally;
  readonly reason: string;
}

export interface Needed {
  readonly tally: Tally;
  /** It matches its own need: the first one may start anywhere. */
  readonly self: boolean;
}

export interface CompiledSpread {
  readonly tally: Tally;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** By how much a placement adds to its own count. */
  readonly self: number;
  /** Domains that count. */
  readonly domains: Int32Array;
}

/** What makes a place worse: `weight` times the count in its domain, or (`once`) `weight` if there is any. */
export interface Penalty {
  readonly tally: Tally;
  readonly weight: number;
  readonly once: boolean;
}

export interface CompiledWork {
  readonly work: Work;
  readonly cpu: number;
  readonly memory: number;
  /** Resources beyond zero, and how much of each. */
  readonly resources: Int32Array;
  readonly amounts: Float64Array;
  /** Node classes that would have it, the most preferred first. */
  readonly classes: Int32Array;
  /** How much each of them is preferred. */
  readonly preference: Float64Array;
  /** Node class -> 1 if it would have it. */
  readonly accepts: Uint8Array;
  /** Why a class would not, by node class. */
  readonly refusals: readonly (string | undefined)[];
  /** Node -> 1, where the filter has to be asked node by node. */
  readonly mask: Uint8Array | undefined;
  readonly adds: readonly Added[];
  readonly forbidsHere: readonly Forbidden[];
  readonly forbidsWide: readonly Forbidden[];
  readonly needsHere: readonly Needed[];
  readonly needsWide: readonly Needed[];
  readonly spreadHere: readonly CompiledSpread[];
  readonly spreadWide: readonly CompiledSpread[];
  readonly penaltiesHere: readonly Penalty[];
  readonly penaltiesWide: readonly Penalty[];
  /** Node -> penalty, where a preference looks at what differs within a node class. */
  readonly leaning: Float64Array | undefined;
  /** The best that penalties of one node can add up to: 0 or less. */
  readonly leastPenalty: number;
  /** At most one fits a node, whatever its room. */
  readonly alone: boolean;
  /** Looks at nothing that changes but room: what fits once fits until the room is gone. */
  readonly plain: boolean;
  /** A place that was refused may be free later in the same run. */
  readonly revisits: boolean;
  /** The work that it needs to be near, by index. */
  readonly needed: ReadonlySet<number>;
  /** Which work it may push aside although it is as important, by index. */
  readonly replaces: ReadonlySet<number>;
}

const AFFINITY = "node(s) didn't match Pod's node affinity/selector";
const ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules";
const EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules";
const PORTS = "node(s) didn't have free ports for the requested pod ports";
const ANY_IP = '0.0.0.0';
/** One soft taint outweighs all preferences: their weights are at most 100 each. */
const SOFT_TAINT = 10_000;

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
  return {
    classes,
    resources,
    room,
    cpu: new Scale(most(CPU)),
    memory: new Scale(most(MEMORY)),
    works: works.map((work, index) => compileWork(work, index, classes, resources, tallies)),
  };
}

function resourceNames(works: readonly Work[]): string[] {
  const others = new Set<string>();
  for (const { requests } of works)
    for (const [name, amount] of requests) if (amount > 0 && !BASE.includes(name)) others.add(name);
  return [...BASE, ...[...others].sort()];
}

interface KnownTerm {
  readonly term: Term;
  /** Work that matches, and how many of its parts do. */
  readonly matches: ReadonlyMap<number, number>;
  /** Work that stays away from what matches. */
  readonly avoiders: Set<number>;
  readonly matching: Tally;
  /** Where the avoiders are. */
  readonly avoiding: Tally;
}

/** Every count that some work asks for, shared by all that ask for the same. */
class Tallies {
  readonly #classes: NodeClasses;
  readonly #topologies = new Map<string, Topology>();
  readonly #terms = new Map<string, KnownTerm>();
  readonly #ports = new Map<string, Tally>();
  readonly adds: Added[][];
  readonly forbids: Forbidden[][];

  constructor(classes: NodeClasses, works: readonly Work[]) {
    this.#classes = classes;
    this.adds = works.map(() => []);
    this.forbids = works.map(() => []);
    const find = finder(works);
    for (const work of works) {
      const { needs, avoids, likes, spread, replaces } = work;
      const all = [needs, avoids, replaces, likes.map(({ term }) => term), spread.map(({ term }) => term)];
      for (const term of all.flat()) this.#know(term, find);
    }
    for (const [index, { avoids }] of works.entries()) for (const term of avoids) this.term(term).avoiders.add(index);
    for (const known of this.#terms.values()) this.#count(known);
    for (const [index, work] of works.entries()) this.#countPorts(index, work);
  }

  term(term: Term): KnownTerm {
    return this.#terms.get(idOf(term))!;
  }

  #know(term: Term, find: (term: Term) => Map<number, number>): void {
    const id = idOf(term);
    if (this.#terms.has(id)) return;
    const topology = this.topology(term.topologyKey);
    this.#terms.set(id, {
      term,
      matches: find(term),
      avoiders: new Set(),
      matching: new Tally(topology),
      avoiding: new Tally(topology),
    });
  }

  #count({ matches, avoiders, matching, avoiding }: KnownTerm): void {
    for (const [index, amount] of matches) this.adds[index]!.push({ tally: matching, amount });
    for (const index of avoiders) this.forbids[index]!.push({ tally: matching, reason: ANTI_AFFINITY });
    // Work that only stays away from its own kind needs no second count.
    const own = avoiders.size === matches.size && [...avoiders].every((index) => matches.has(index));
    if (own) return;
    for (const index of avoiders) this.adds[index]!.push({ tally: avoiding, amount: 1 });
    for (const index of avoiders.size > 0 ? matches.keys() : [])
      this.forbids[index]!.push({ tally: avoiding, reason: EXISTING_ANTI_AFFINITY });
  }

  /** A port on all addresses excludes any use of it; one on an address excludes that address and all. */
  #countPorts(index: number, { ports }: Work): void {
    const used = new Set<Tally>();
    const forbidden = new Set<Tally>();
    for (const { ip, protocol, port } of ports) {
      const any = this.#port(`${protocol}/${port}`);
      used.add(any).add(this.#port(`${protocol}/${port}/${ip}`));
      if (ip === ANY_IP) forbidden.add(any);
      else forbidden.add(this.#port(`${protocol}/${port}/${ip}`)).add(this.#port(`${protocol}/${port}/${ANY_IP}`));
    }
    for (const tally of used) this.adds[index]!.push({ tally, amount: 1 });
    for (const tally of forbidden) this.forbids[index]!.push({ tally, reason: PORTS });
  }

  #port(key: string): Tally {
    let tally = this.#ports.get(key);
    if (!tally) this.#ports.set(key, (tally = new Tally(this.topology(HOST))));
    return tally;
  }

  topology(key: string): Topology {
    let topology = this.#topologies.get(key);
    if (!topology) this.#topologies.set(key, (topology = topologyOf(key, this.#classes)));
    return topology;
  }
}

const idOf = ({ key, topologyKey }: Term) => `${topologyKey}\u0000${key}`;

/** Finds what matches a term, by its label or owner if it names one. */
function finder(works: readonly Work[]): (term: Term) => Map<number, number> {
  const all = works.map((_, index) => index);
  const known = new Map<string, number[]>();
  const note = (key: string, index: number) => {
    const list = known.get(key);
    if (!list) known.set(key, [index]);
    else if (list.at(-1) !== index) list.push(index);
  };
  for (const [index, work] of works.entries())
    for (const { labels, owner } of work.parts ?? [work]) {
      for (const key of Object.keys(labels)) note(labelKey(key, labels[key]!), index);
      if (owner !== undefined) note(ownerKey(owner), index);
    }
  return (term) => {
    const { label, owner } = term;
    const key = owner !== undefined ? ownerKey(owner) : label ? labelKey(label.key, label.value) : undefined;
    const found = new Map<number, number>();
    for (const index of key === undefined ? all : (known.get(key) ?? [])) {
      const work = works[index]!;
      const amount = work.parts ? work.parts.filter((part) => term.matches(part)).length : term.matches(work) ? 1 : 0;
      if (amount > 0) found.set(index, amount);
    }
    return found;
  };
}

const labelKey = (key: string, value: string) => `${key}=${value}`;
const ownerKey = (owner: string) => `=${owner}`;

function compileWork(work: Work, index: number, classes: NodeClasses, names: readonly string[], tallies: Tallies): CompiledWork {
  const pieces = work.parts?.length ?? 1;
  const requested = names.map((name) => (name === 'pods' ? pieces : (work.requests.get(name) ?? 0)));
  const resources = Int32Array.from([...requested.keys()].filter((at) => requested[at]! > 0));
  const { first, nodes } = classes;
  const individual = work.filter !== undefined && isIndividual(work.filter, classes);
  const refusals = first.map((node) => staticRefusal(work, nodes[node]!, individual ? undefined : work.filter));
  const [close, coarse] = partition(work.preferences, ({ filter }) => isIndividual(filter, classes));
  const preferred = Float64Array.from(first, (node) => preferenceFor(work, coarse, nodes[node]!));
  const leaning = close.length > 0 ? Float64Array.from(nodes, (node) => -sumOf(close, node)) : undefined;
  const accepting = [...first.keys()]
    .filter((each) => refusals[each] === undefined)
    .sort((a, b) => preferred[b]! - preferred[a]! || a - b);
  const split = <T extends { readonly tally: Tally }>(all: readonly T[]) => partition(all, ({ tally }) => !tally.topology.wide);
  const adds = tallies.adds[index]!;
  const [forbidsHere, forbidsWide] = split(tallies.forbids[index]!);
  const [needsHere, needsWide] = split(
    work.needs.map((term) => ({ tally: tallies.term(term).matching, self: tallies.term(term).matches.has(index) })),
  );
  const required = work.spread.filter((spread) => spread.required);
  const [spreadHere, spreadWide] = split(
    required.map((spread) => compileSpread(spread, work, index, classes, tallies, required)),
  );
  const [penaltiesHere, penaltiesWide] = split(penaltiesOf(work, tallies));
  const alone = forbidsHere.some(({ tally }) => adds.some((added) => added.tally === tally));
  const leastPenalty = penaltiesHere.reduce(
    (sum, { weight }) => sum + Math.min(0, weight),
    leaning ? Math.min(0, ...leaning) : 0,
  );
  const dynamic = [forbidsWide, needsHere, needsWide, spreadHere, spreadWide, penaltiesHere, penaltiesWide];
  return {
    work,
    cpu: work.requests.get('cpu') ?? 0,
    memory: work.requests.get('memory') ?? 0,
    resources,
    amounts: Float64Array.from(resources, (at) => requested[at]!),
    classes: Int32Array.from(accepting),
    preference: preferred,
    accepts: Uint8Array.from(refusals, (refusal) => (refusal === undefined ? 1 : 0)),
    refusals,
    mask: individual ? Uint8Array.from(nodes, (node) => (work.filter!.accepts(node) ? 1 : 0)) : undefined,
    adds,
    forbidsHere,
    forbidsWide,
    needsHere,
    needsWide,
    spreadHere,
    spreadWide,
    penaltiesHere,
    penaltiesWide,
    leaning,
    leastPenalty,
    alone,
    plain: !alone && !leaning && dynamic.every((list) => list.length === 0),
    revisits: spreadHere.length > 0 || needsHere.length > 0 || penaltiesHere.some(({ weight }) => weight < 0),
    needed: new Set(work.needs.flatMap((term) => [...tallies.term(term).matches.keys()])),
    replaces: new Set(work.replaces.flatMap((term) => [...tallies.term(term).matches.keys()]).filter((other) => other !== index)),
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

function partition<T>(all: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [all.filter(test), all.filter((item) => !test(item))];
}

function compileSpread(
  { term, maxSkew, minDomains, honourFilter, honourTaints }: Spread,
  work: Work,
  index: number,
  classes: NodeClasses,
  tallies: Tallies,
  all: readonly Spread[],
): CompiledSpread {
  const { matching, matches } = tallies.term(term);
  const { topology } = matching;
  const others = all.map((spread) => tallies.topology(spread.term.topologyKey));
  const domains = new Set<number>();
  const { nodes, first, classOf } = classes;
  const counts = (node: number): boolean => {
    const { taints } = nodes[node]!;
    if (others.some(({ domainOf }) => domainOf[node]! < 0)) return false;
    if (honourTaints && untoleratedTaint(work.tolerations, taints)) return false;
    return !honourFilter || !work.filter || work.filter.accepts(nodes[node]!);
  };
  const byClass = topology.wide && others.every(({ wide }) => wide) && !(work.filter && isIndividual(work.filter, classes));
  const eligible = byClass ? first.map(counts) : undefined;
  for (const node of byClass ? first : nodes.keys())
    if (eligible ? eligible[classOf[node]!] : counts(node)) domains.add(topology.domainOf[node]!);
  return { tally: matching, maxSkew, minDomains, self: matches.has(index) ? 1 : 0, domains: Int32Array.from(domains) };
}

function penaltiesOf({ likes, spread }: Work, tallies: Tallies): Penalty[] {
  return [
    ...spread.map(({ term, required }) => ({
      tally: tallies.term(term).matching,
      // What must be even is kept even from the start; among soft ones the wide ones are told apart by their order.
      weight: required ? 1_000 : 1,
      once: false,
    })),
    ...likes.map(({ weight, term }) => ({ tally: tallies.term(term).matching, weight: -weight, once: true })),
  ].filter(({ tally, weight }) => tally.topology.wide || weight !== 1_000);
}
