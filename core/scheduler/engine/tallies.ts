import type { Added, Forbidden } from './compiled.ts';
import { eligibleFor, restricted } from './evenness.ts';
import type { NodeClasses } from './node-classes.ts';
import { Tally, type Topology, topologyOf } from './tally.ts';
import { HOST, type Spread, type Term, type Work } from './work.ts';

const ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules";
const EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules";
const PORTS = "node(s) didn't have free ports for the requested pod ports";
const ANY_IP = '0.0.0.0';

export interface KnownTerm {
  readonly term: Term;
  /** Work that matches, and how many of its parts do. */
  readonly matches: ReadonlyMap<number, number>;
  /** Work that stays away from what matches. */
  readonly avoiders: Set<number>;
  readonly matching: Tally;
}

/** Every count that some work asks for, shared by all that ask for the same. */
export class Tallies {
  readonly #classes: NodeClasses;
  readonly #topologies = new Map<string, Topology>();
  readonly #terms = new Map<string, KnownTerm>();
  readonly #ports = new Map<string, Tally>();
  readonly #restricted = new Map<string, Topology>();
  /** Counts of terms over restricted topologies. */
  readonly #even = new Map<string, Tally>();
  readonly adds: Added[][];
  readonly forbids: Forbidden[][];
  /** For each of a work's required spreads: what it goes by. */
  readonly spreads: Tally[][];

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
    this.spreads = works.map((work) => {
      const required = work.spread.filter((spread) => spread.required);
      const topologies = required.map(({ term }) => this.topology(term.topologyKey));
      return required.map((spread) => this.#evenly(spread, work, topologies));
    });
  }

  term(term: Term): KnownTerm {
    return this.#terms.get(idOf(term))!;
  }

  #know(term: Term, find: (term: Term) => Map<number, number>): void {
    const id = idOf(term);
    if (this.#terms.has(id)) return;
    const topology = this.topology(term.topologyKey);
    this.#terms.set(id, { term, matches: find(term), avoiders: new Set(), matching: new Tally(topology) });
  }

  #count({ matches, avoiders, matching }: KnownTerm): void {
    for (const [index, amount] of matches) this.adds[index]!.push({ tally: matching, amount });
    for (const index of avoiders) this.forbids[index]!.push({ tally: matching, reason: ANTI_AFFINITY });
    // Work that only stays away from its own kind needs no second count.
    const own = avoiders.size === matches.size && [...avoiders].every((index) => matches.has(index));
    if (own || avoiders.size === 0) return;
    // Where the avoiders are.
    const avoiding = new Tally(matching.topology);
    for (const index of avoiders) this.adds[index]!.push({ tally: avoiding, amount: 1 });
    for (const index of matches.keys()) this.forbids[index]!.push({ tally: avoiding, reason: EXISTING_ANTI_AFFINITY });
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

  /** Nodes may not count for it: then it is another count than that of the term, which others may ask for. */
  #evenly(spread: Spread, work: Work, topologies: readonly Topology[]): Tally {
    const { matching, matches } = this.term(spread.term);
    const eligible = eligibleFor(spread, work, matching.topology, topologies, this.#classes);
    if (!eligible) return matching;
    const which = `${eligible.byClass ? 'classes' : 'nodes'} ${eligible.bits.join('')}`;
    const where = `${spread.term.topologyKey}\u0000${which}`;
    let topology = this.#restricted.get(where);
    if (!topology) this.#restricted.set(where, (topology = restricted(matching.topology, eligible, this.#classes)));
    const id = `${idOf(spread.term)}\u0000${which}`;
    let tally = this.#even.get(id);
    if (tally) return tally;
    this.#even.set(id, (tally = new Tally(topology)));
    for (const [index, amount] of matches) this.adds[index]!.push({ tally, amount });
    return tally;
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
