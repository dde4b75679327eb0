import type { CompiledWork } from './compiled.ts';
import type { Placer } from './placer.ts';

/** Who may be pushed aside. */
export interface Evictable {
  /** Piece -> 1 if it may be. */
  readonly pieces: Uint8Array;
  /** Piece -> the disruption budgets that it counts against, by index. */
  budgetsOf(piece: number): readonly number[];
  /** Budget -> how many more may go. */
  readonly allowed: Int32Array;
}

export interface Preemption {
  readonly node: number;
  /** In the order in which they were given up, the least important first. */
  readonly victims: readonly number[];
}

/** So many nodes are tried out in full; more would rarely be better. */
const MOST_TRIALS = 64;

/**
 * Finds the node on which the piece could be if less important work left it, and the fewest that would have to: on the node where the
 * most important of them matters least, then where they matter least together, then where they are fewest. Budgets are kept: work
 * whose budget is used up is not asked to go. Changes nothing; undefined = there is no such node.
 */
export function findVictims(placer: Placer, piece: number, evictable: Evictable): Preemption | undefined {
  const index = placer.workOf[piece]!;
  const work = placer.model.works[index]!;
  if (!work.work.preempts && work.replaces.size === 0) return undefined;
  let best: (Preemption & { readonly cost: readonly number[] }) | undefined;
  let trials = 0;
  for (let node = 0; node < placer.nodeCount && trials < MOST_TRIALS; node++) {
    if (placer.isLost(node) || work.accepts[placer.model.classes.classOf[node]!] === 0 || work.mask?.[node] === 0) continue;
    const movable = movableOn(placer, node, work, evictable);
    if (movable.length === 0 || !wouldHaveRoom(placer, node, work, movable)) continue;
    trials++;
    const victims = tryOut(placer, node, work, movable);
    if (!victims) continue;
    const priorities = victims.map((victim) => priorityOf(placer, victim));
    const cost = [Math.max(...priorities), priorities.reduce((sum, each) => sum + each, 0), victims.length];
    if (!best || isLess(cost, best.cost)) best = { node, victims, cost };
  }
  return best && { node: best.node, victims: best.victims };
}

const priorityOf = (placer: Placer, piece: number) => placer.model.works[placer.workOf[piece]!]!.work.priority;

/** Those on the node that may be made to go, the least important and the latest first, as many as their budgets allow. */
function movableOn(placer: Placer, node: number, work: CompiledWork, evictable: Evictable): number[] {
  const { pieces, allowed } = evictable;
  const found: number[] = [];
  for (let piece = placer.lastOn[node]!; piece >= 0; piece = placer.before[piece]!) {
    if (pieces[piece] === 0) continue;
    const other = placer.workOf[piece]!;
    const lower = work.work.preempts && placer.model.works[other]!.work.priority < work.work.priority;
    if (lower || work.replaces.has(other)) found.push(piece);
  }
  found.sort((a, b) => priorityOf(placer, a) - priorityOf(placer, b) || b - a);
  const spent = new Map<number, number>();
  return found.filter((piece) => {
    const budgets = evictable.budgetsOf(piece);
    if (budgets.some((budget) => (spent.get(budget) ?? 0) >= allowed[budget]!)) return false;
    for (const budget of budgets) spent.set(budget, (spent.get(budget) ?? 0) + 1);
    return true;
  });
}

/** By sums alone: most nodes are ruled out here, without moving anything. */
function wouldHaveRoom(placer: Placer, node: number, { resources, amounts }: CompiledWork, movable: readonly number[]): boolean {
  for (const [at, resource] of resources.entries()) {
    let room = placer.free[node * placer.width + resource]!;
    for (const piece of movable) {
      const other = placer.model.works[placer.workOf[piece]!]!;
      const where = other.resources.indexOf(resource);
      if (where >= 0) room += other.amounts[where]!;
    }
    if (room < amounts[at]!) return false;
  }
  return true;
}

/** Takes all of them away, lets back whom the piece can be beside, and puts everything back as it was. */
function tryOut(placer: Placer, node: number, work: CompiledWork, movable: readonly number[]): number[] | undefined {
  for (const piece of movable) placer.remove(piece);
  let victims: number[] | undefined;
  if (placer.admits(work, node)) {
    victims = [];
    // The most important are let back first.
    for (const piece of movable.toReversed()) {
      placer.put(piece, node);
      if (placer.admits(work, node)) continue;
      placer.remove(piece);
      victims.unshift(piece);
    }
    for (const piece of victims) placer.put(piece, node);
  } else for (const piece of movable) placer.put(piece, node);
  return victims;
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at >= 0 && a[at]! < b[at]!;
}
