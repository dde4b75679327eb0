import { placementOrder } from '../scheduler/engine/order.ts';
import { Placer } from '../scheduler/engine/placer.ts';
import { refusalsOf } from '../scheduler/engine/refusals.ts';
import { HOST, type NodeFilter, type SchedulingNode, type Term, type Work } from '../scheduler/engine/work.ts';
import type { Amounts } from '../scheduler/requests.ts';
import type { Refusals } from '../scheduler/types.ts';
import { globMatcher } from './glob.ts';
import type { Requirements } from './requirements.ts';

/** Where units go: fleet's rules on the engine that places pods. Pure; the same input gives the same answer. */

export interface Machine {
  /** What placements are told by. */
  readonly id: string;
  /** What MachineID= may name as well, whole or by its first eight characters. */
  readonly machineId?: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** It takes nothing new, and keeps what it has. */
  readonly closed?: boolean;
  /** What it has for units that ask for cpu (millicores) or memory (bytes); undefined: plenty. */
  readonly room?: Amounts;
}

export interface PlaceableUnit {
  readonly name: string;
  readonly requirements: Requirements;
  /** cpu (millicores), memory (bytes). */
  readonly requests?: Amounts;
  /** Where it is; it stays there if it may. */
  readonly machineId?: string;
  /** It is about to leave where it is: until then it is there, whatever it asks for. */
  readonly leaving?: boolean;
  /** Of a Global one: where it is. */
  readonly machineIds?: readonly string[];
}

export type UnitPlacement =
  | { readonly machineId: string }
  /** Every machine that it may be on: each runs one. */
  | { readonly machineIds: readonly string[] }
  | { readonly refusals: Refusals };

/** Each unit weighs the same, so that the least loaded machine is that with the fewest, as in fleet. */
const WEIGHT = 1;

/**
 * Units tied by MachineOf go together or not at all. Whoever stands where it may stays; the others go to the machine with the fewest
 * units. A unit that Replaces others takes the place of one of them, and that one is placed anew.
 */
export function placeUnits(units: readonly PlaceableUnit[], machines: readonly Machine[]): Map<string, UnitPlacement> {
  const placements = new Map<string, UnitPlacement>();
  const nodes = machines.map((machine) => asNode(machine, units.length + 1));
  const names = nodes.map(({ name }) => name).sort();
  const closed = new Set(machines.filter((machine) => machine.closed).map(({ id }) => id));
  const global = units.filter(({ requirements }) => requirements.global);
  const groups = groupByMachine(units.filter(({ requirements }) => !requirements.global));
  const works = [...groups, ...global.map((unit) => [unit])].map(asWork);
  const placer = new Placer({ nodes, works, workOf: pieces(groups.length, global.length, names.length), strategy: 'spread' });
  // Whoever is somewhere comes before whoever comes anew; then global ones: what is everywhere takes part in every conflict.
  for (const [at, { machineIds = [] }] of global.entries())
    for (const [node, name] of names.entries())
      if (machineIds.includes(name)) keepOn(placer, groups.length + at * names.length + node, node);
  const waiting = stay(placer, groups, names);
  for (const at of global.keys())
    for (const [node, name] of names.entries()) {
      const piece = groups.length + at * names.length + node;
      if (placer.nodeOf[piece]! < 0 && !closed.has(name)) placer.placeOn(piece, node);
    }
  for (const [node, name] of names.entries()) if (closed.has(name)) close(placer, node);
  const rank = placementOrder(placer);
  waiting.sort((a, b) => rank[a]! - rank[b]! || a - b);
  // Each gives way once at most: units may replace each other in a circle. Global ones never do: they have nowhere else to go.
  const moved = new Set<number>();
  for (let at = 0; at < waiting.length; at++) {
    const piece = waiting[at]!;
    const replaced = takePlace(placer, piece, (other) => other < groups.length && !moved.has(other));
    for (const other of replaced) moved.add(other);
    if (replaced.length > 0) waiting.push(...replaced);
    else placer.place(Int32Array.of(piece), 0, 1);
  }
  for (const [at, { name }] of global.entries()) {
    const first = groups.length + at * names.length;
    placements.set(name, { machineIds: names.filter((_, node) => placer.nodeOf[first + node]! >= 0) });
  }
  for (const [piece, group] of groups.entries()) {
    const node = placer.nodeOf[piece]!;
    const placement = node >= 0 ? { machineId: names[node]! } : { refusals: refusalsOf(placer, placer.model.works[piece]!) };
    for (const { name } of group) placements.set(name, placement);
  }
  return placements;
}

/**
 * The number of units tells machines apart, and each has room for so many; what they really have is a limit beside that. The id that MachineID=
 * means is a label of a name that no label can have.
 */
function asNode({ id, machineId = id, metadata, room }: Machine, plenty: number): SchedulingNode {
  const amounts = new Map([
    ['cpu', plenty],
    ['memory', plenty],
    ['pods', plenty],
    [CPU_REQUESTED, room ? (room.get('cpu') ?? 0) : Infinity],
    [MEMORY_REQUESTED, room ? (room.get('memory') ?? 0) : Infinity],
  ]);
  return { name: id, labels: { ...metadata, [MACHINE_ID]: machineId }, taints: [], room: amounts };
}

/** As refusals name them: Insufficient CPU. */
const CPU_REQUESTED = 'CPU';
const MEMORY_REQUESTED = 'Memory';
const MACHINE_ID = ' machine id';

/** One piece for each group, and one for each global unit and machine. */
function pieces(groups: number, globals: number, machines: number): Int32Array {
  const workOf = new Int32Array(groups + globals * machines);
  for (let piece = 0; piece < workOf.length; piece++)
    workOf[piece] = piece < groups ? piece : groups + Math.floor((piece - groups) / machines);
  return workOf;
}

/**
 * Units that name each other by MachineOf, directly or through others, are one group, if they are in one place: all on the same machine, or on none yet.
 * Whoever is to join others that are somewhere already goes there, or nowhere; it doesn't move them. A name that nobody has ties to nothing, nor does
 * that of a unit which it can't be beside: one of them has a place, the other one waits.
 */
function groupByMachine(units: readonly PlaceableUnit[]): PlaceableUnit[][] {
  const leader = new Map(units.map(({ name }) => [name, name]));
  const place = new Map(units.map(({ name, machineId, leaving }) => [name, leaving ? `${name} leaves` : machineId]));
  const find = (name: string): string => {
    let at = name;
    while (leader.get(at) !== at) at = leader.get(at)!;
    leader.set(name, at);
    return at;
  };
  const members = new Map(units.map((unit) => [unit.name, [unit]]));
  for (const { name, requirements } of units)
    for (const other of requirements.machineOf) {
      if (!leader.has(other) || place.get(name) !== place.get(other)) continue;
      const [joining, joined] = [find(name), find(other)];
      if (joining === joined) continue;
      const [some, others] = [members.get(joining)!, members.get(joined)!];
      if (some.some((one) => others.some((each) => cannotBeBeside(one, each)))) continue;
      leader.set(joining, joined);
      members.set(joined, [...others, ...some]);
    }
  const groups = new Map<string, PlaceableUnit[]>();
  for (const unit of [...units].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const key = find(unit.name);
    groups.set(key, [...(groups.get(key) ?? []), unit]);
  }
  return [...groups.values()];
}

/** By their names: one of them Conflicts with the other, or Replaces it. */
function cannotBeBeside(one: PlaceableUnit, other: PlaceableUnit): boolean {
  const against = ({ requirements: { conflicts, replaces } }: PlaceableUnit, { name }: PlaceableUnit) =>
    [...conflicts, ...replaces].some((pattern) => globMatcher(pattern)(name));
  return against(one, other) || against(other, one);
}

function asWork(group: readonly PlaceableUnit[]): Work {
  const parts = group.map(unitWork);
  const [only] = parts;
  if (parts.length === 1) return only!;
  const known = new Set(group.map(({ name }) => name));
  const filters = parts.flatMap(({ filter }) => (filter ? [filter] : []));
  return {
    ...only!,
    requests: sumOf(parts.map(({ requests }) => requests)),
    ...(filters.length > 0 && {
      filter: {
        labels: filters.flatMap(({ labels }) => labels),
        readsName: filters.some(({ readsName }) => readsName),
        accepts: (node) => filters.every((filter) => filter.accepts(node)),
      },
    }),
    // What is in the group is tied together already.
    needs: parts.flatMap(({ needs }) => needs).filter(({ label }) => !known.has(label?.value ?? '')),
    avoids: parts.flatMap(({ avoids }) => avoids),
    replaces: parts.flatMap(({ replaces }) => replaces),
    parts,
  };
}

function sumOf(all: readonly Amounts[]): Amounts {
  const sum = new Map<string, number>();
  for (const amounts of all) for (const [name, amount] of amounts) sum.set(name, (sum.get(name) ?? 0) + amount);
  return sum;
}

function unitWork({ name, requirements, requests }: PlaceableUnit): Work {
  const { machineOf, conflicts, replaces, global } = requirements;
  const filter = machineFilter(requirements);
  return {
    namespace: '',
    name,
    labels: { [NAME]: name },
    requests: new Map([
      ['cpu', WEIGHT],
      ['memory', WEIGHT],
      [CPU_REQUESTED, requests?.get('cpu') ?? 0],
      [MEMORY_REQUESTED, requests?.get('memory') ?? 0],
    ]),
    ports: [],
    tolerations: [],
    ...(filter && { filter }),
    preferences: [],
    needs: machineOf.map(named),
    avoids: [...conflicts, ...replaces].map(matching),
    replaces: replaces.map(matching),
    likes: [],
    spread: [],
    priority: 0,
    preempts: false,
    global,
  };
}

const NAME = 'name';

function named(name: string): Term {
  return { key: `named ${name}`, topologyKey: HOST, matches: (work) => work.name === name, label: { key: NAME, value: name } };
}

/**
 * All units that the pattern matches: asked once for each pattern and name, however many units have the pattern. A unit that matches its own
 * pattern does not keep itself away: there is only one of it.
 */
function matching(pattern: string): Term {
  if (!/[*?[\\]/.test(pattern)) return named(pattern);
  const matches = globMatcher(pattern);
  return { key: `matching ${pattern}`, topologyKey: HOST, matches: (work) => matches(work.name) };
}

/** MachineID by the whole id or its first eight characters, or the machine's name; MachineMetadata: of each label one of the values. */
function machineFilter(requirements: Requirements): NodeFilter | undefined {
  const { machineId, metadata } = requirements;
  if (machineId === undefined && metadata.size === 0) return undefined;
  return {
    labels: [...metadata.keys()],
    readsName: machineId !== undefined,
    accepts: ({ name, labels }) =>
      machineSuits(requirements, { id: name, machineId: labels[MACHINE_ID] ?? name, metadata: labels }),
  };
}

/** Is the machine one of those that the unit asks for? */
export function machineSuits(wanted: Pick<Requirements, 'machineId' | 'metadata'>, machine: Machine): boolean {
  const { metadata } = machine;
  return (
    (wanted.machineId === undefined || namesOfMachine(machine).includes(wanted.machineId)) &&
    [...wanted.metadata].every(([key, values]) => Object.hasOwn(metadata, key) && values.includes(metadata[key]!))
  );
}

/** By which MachineID= may mean it. */
export function namesOfMachine({ id, machineId = id }: Machine): readonly string[] {
  return [id, machineId, machineId.slice(0, SHORT_ID)];
}

const SHORT_ID = 8;

/** Puts groups back where they are, if they may be there; returns those that have to look for a place. */
function stay(placer: Placer, groups: readonly (readonly PlaceableUnit[])[], names: readonly string[]): number[] {
  const waiting: number[] = [];
  const nodes = new Map(names.map((name, node) => [name, node]));
  const at = (id: string | undefined) => (id === undefined ? -1 : (nodes.get(id) ?? -1));
  for (const [piece, [only]] of groups.entries())
    if (only?.leaving && at(only.machineId) >= 0) placer.put(piece, at(only.machineId));
  for (const [piece, group] of groups.entries()) {
    if (group[0]?.leaving) continue;
    const node = at(group[0]?.machineId);
    if (node < 0 || !keepOn(placer, piece, node)) waiting.push(piece);
  }
  return waiting;
}

/** Where it is it has its room already, even if there is less by now than was promised. */
function keepOn(placer: Placer, piece: number, node: number): boolean {
  const work = placer.model.works[placer.workOf[piece]!]!;
  if (work.accepts[placer.model.classes.classOf[node]!] !== 1) return false;
  if (!placer.hereAllows(work, node) || !placer.wideAllows(work, node)) return false;
  placer.put(piece, node);
  return true;
}

/** It takes nothing more, and keeps what it has. */
function close(placer: Placer, node: number): void {
  for (const piece of placer.loseNode(node).reverse()) placer.put(piece, node);
}

/** The piece takes the place of what it replaces and what may give way, on the first machine where that is all that stands against it. */
function takePlace(placer: Placer, piece: number, mayGiveWay: (piece: number) => boolean): number[] {
  const work = placer.model.works[placer.workOf[piece]!]!;
  if (work.replaces.size === 0) return [];
  for (let node = 0; node < placer.nodeCount; node++) {
    const replaced: number[] = [];
    for (let other = placer.lastOn[node]!; other >= 0; other = placer.before[other]!)
      if (work.replaces.has(placer.workOf[other]!) && mayGiveWay(other) && !mutual(placer, piece, other)) replaced.push(other);
    if (replaced.length === 0) continue;
    for (const other of replaced) placer.remove(other);
    if (placer.placeOn(piece, node)) return replaced.reverse();
    for (const other of replaced.reverse()) placer.put(other, node);
  }
  return [];
}

/** Two that replace each other would do so for ever: neither does. */
function mutual(placer: Placer, one: number, other: number): boolean {
  return placer.model.works[placer.workOf[other]!]!.replaces.has(placer.workOf[one]!);
}
