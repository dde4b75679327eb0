import type { CompiledWork } from './compiled.ts';
import type { Placer } from './placer.ts';

/** Who may be pushed aside. */
export interface Evictable {
  /** Piece -> 1 if it may be. */
  readonly pieces: Uint8Array;
  /** Piece -> 1 if it goes anyway, and soon. */
  readonly ending: Uint8Array;
  /** Piece -> the disruption budgets that it counts against, by index. */
  budgetsOf(piece: number): readonly number[];
  /** Budget -> how many more may go. */
  readonly allowed: Int32Array;
}

export interface Preemption {
  readonly node: number;
  /** In the order in which they were given up, the least important first. None: it has to wait for what ends there, no more. */
  readonly victims: readonly number[];
}

/** So many nodes are tried out in full, those first where less important work might do; more would rarely be better. */
const MOST_TRIALS = 64;
/** Pieces looked at to find those: about a millisecond. Beyond that, the first nodes by name that might do. */
const MOST_LOOKS = 20_000;
/** The least important there is has a priority of -2^31 or more: with this added, fewer victims are a smaller sum. */
const ABOVE_ZERO = 2 ** 31 + 1;

/**
 * Finds the node on which the piece could be if less important work left it, and the fewest that would have to: on the node where the
 * most important of them matters least, then where they matter least together, then where they are fewest. What is ending there is taken to
 * be gone. Budgets are kept: work whose budget is used up is not asked to go. Changes nothing; undefined = there is no such node.
 */
export function findVictims(placer: Placer, piece: number, evictable: Evictable): Preemption | undefined {
  const work = placer.model.works[placer.workOf[piece]!]!;
  if (!work.work.preempts && work.replaces.size === 0) return undefined;
  let best: (Preemption & { readonly cost: readonly number[] }) | undefined;
  for (const { node, least, candidates } of trialsFor(placer, work, evictable)) {
    if (best && least > best.cost[0]!) break;
    const victims =
      tryOut(placer, node, work, candidates, evictable) ?? besideWhatItNeeds(placer, node, work, candidates, evictable);
    if (!victims) continue;
    const priorities = victims.map((victim) => priorityOf(placer, victim));
    const cost = [
      Math.max(-Infinity, ...priorities),
      priorities.reduce((sum, each) => sum + each + ABOVE_ZERO, 0),
      victims.length,
    ];
    if (!best || isLess(cost, best.cost)) best = { node, victims, cost };
  }
  return best && { node: best.node, victims: best.victims };
}

const priorityOf = (placer: Placer, piece: number) => placer.model.works[placer.workOf[piece]!]!.work.priority;

interface Trial {
  readonly node: number;
  /** Whoever else has to go, the most important of them is at least this important. */
  readonly least: number;
  readonly candidates: Candidates;
}

/** Nodes that are worth trying, those where the least important might do first. */
function trialsFor(placer: Placer, work: CompiledWork, evictable: Evictable): Trial[] {
  const trials: Trial[] = [];
  let looks = 0;
  for (let node = 0; node < placer.nodeCount && (looks < MOST_LOOKS || trials.length < MOST_TRIALS); node++) {
    if (placer.isLost(node) || work.accepts[placer.model.classes.classOf[node]!] === 0 || work.mask?.[node] === 0) continue;
    const candidates = candidatesOn(placer, node, work, evictable);
    looks += candidates.looks;
    if (candidates.movable.length + candidates.ending.length === 0) continue;
    const least = leastImportant(placer, node, work, candidates);
    if (least !== undefined) trials.push({ node, least, candidates });
  }
  return trials.sort((a, b) => (a.least === b.least ? a.node - b.node : a.least - b.least)).slice(0, MOST_TRIALS);
}

interface Candidates {
  /** How many are on the node. */
  readonly looks: number;
  readonly ending: readonly number[];
  /** Those that may be made to go, the least important and the latest first. */
  readonly movable: readonly number[];
}

function candidatesOn(placer: Placer, node: number, work: CompiledWork, evictable: Evictable): Candidates {
  const { pieces, allowed } = evictable;
  const ending: number[] = [];
  const movable: number[] = [];
  let looks = 0;
  for (let piece = placer.lastOn[node]!; piece >= 0; piece = placer.before[piece]!) {
    looks++;
    if (evictable.ending[piece] === 1) ending.push(piece);
    if (pieces[piece] === 0) continue;
    const other = placer.workOf[piece]!;
    const lower = work.work.preempts && placer.model.works[other]!.work.priority < work.work.priority;
    if (!lower && !work.replaces.has(other)) continue;
    if (evictable.budgetsOf(piece).every((budget) => allowed[budget]! > 0)) movable.push(piece);
  }
  movable.sort((a, b) => priorityOf(placer, a) - priorityOf(placer, b) || b - a);
  return { looks, ending, movable };
}

/**
 * By sums alone, without moving anything: how important the most important victim is at least; -Infinity if it might do without one; undefined if there would
 * be no room without all of them. Most nodes are ruled out here.
 */
function leastImportant(
  placer: Placer,
  node: number,
  { resources, amounts }: CompiledWork,
  { ending, movable }: Candidates,
): number | undefined {
  const missing = Array.from(resources, (resource, at) => amounts[at]! - placer.free[node * placer.width + resource]!);
  const without = (piece: number): void => {
    const other = placer.model.works[placer.workOf[piece]!]!;
    for (const [at, resource] of resources.entries()) {
      const where = other.resources.indexOf(resource);
      if (where >= 0) missing[at]! -= other.amounts[where]!;
    }
  };
  const enough = () => missing.every((amount) => amount <= 0);
  for (const piece of ending) without(piece);
  if (enough()) return -Infinity;
  for (const piece of movable) {
    without(piece);
    if (enough()) return priorityOf(placer, piece);
  }
  return undefined;
}

/**
 * Takes all of them away, lets back whom the piece can be beside, and puts everything back as it was. Nobody goes so that the piece becomes the first of its kind
 * somewhere: what is made anew for them could be the first elsewhere, and would have to go again, and so on.
 */
function tryOut(
  placer: Placer,
  node: number,
  work: CompiledWork,
  { ending, movable }: Candidates,
  evictable: Evictable,
): number[] | undefined {
  for (const piece of [...ending, ...movable]) placer.remove(piece);
  let victims: number[] | undefined;
  if (placer.admits(work, node)) {
    victims = [];
    for (const piece of inOrderOfReturn(movable, evictable)) {
      placer.put(piece, node);
      if (placer.admits(work, node)) continue;
      placer.remove(piece);
      victims.push(piece);
    }
    victims.sort((a, b) => priorityOf(placer, a) - priorityOf(placer, b) || b - a);
    const alone = [...work.needsHere, ...work.needsWide].filter(({ tally }) => tally.at(node) === 0);
    for (const piece of victims) placer.put(piece, node);
    if (alone.some(({ own }) => own?.some(({ total }) => total > 0))) victims = undefined;
  } else for (const piece of movable) placer.put(piece, node);
  for (const piece of ending) placer.put(piece, node);
  return victims && areAllowed(victims, evictable) ? victims : undefined;
}

/** Without those whom the piece needs to be near, if there are any. */
function besideWhatItNeeds(
  placer: Placer,
  node: number,
  work: CompiledWork,
  candidates: Candidates,
  evictable: Evictable,
): number[] | undefined {
  const { movable } = candidates;
  const others = movable.filter((piece) => !work.needed.has(placer.workOf[piece]!));
  return others.length === movable.length ? undefined : tryOut(placer, node, work, { ...candidates, movable: others }, evictable);
}

/** First those for whom there is no budget if all that are more important go, then the others; the most important first. */
function inOrderOfReturn(movable: readonly number[], evictable: Evictable): number[] {
  const within: number[] = [];
  const beyond: number[] = [];
  const spent = new Map<number, number>();
  for (const piece of movable.toReversed()) {
    const budgets = evictable.budgetsOf(piece);
    const covered = budgets.every((budget) => (spent.get(budget) ?? 0) < evictable.allowed[budget]!);
    (covered ? within : beyond).push(piece);
    if (covered) for (const budget of budgets) spent.set(budget, (spent.get(budget) ?? 0) + 1);
  }
  return [...beyond, ...within];
}

function areAllowed(victims: readonly number[], evictable: Evictable): boolean {
  const spent = new Map<number, number>();
  for (const victim of victims) for (const budget of evictable.budgetsOf(victim)) spent.set(budget, (spent.get(budget) ?? 0) + 1);
  return [...spent].every(([budget, count]) => count <= evictable.allowed[budget]!);
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at >= 0 && a[at]! < b[at]!;
}
