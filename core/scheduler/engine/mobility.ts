import type { CompiledWork } from './compiled.ts';
import { penaltyOf } from './cost.ts';
import type { Placer } from './placer.ts';
import type { Tally } from './tally.ts';

/**
 * What may be moved to another node of the same class, where zones, labels and taints are equal, so that only what is on the nodes
 * themselves has to be asked.
 */
export class Mobility {
  readonly #placer: Placer;
  readonly #movable: Uint8Array;
  /** Work class -> 1 if nothing ties such work to its node. */
  readonly #mobile: Uint8Array;
  readonly #ownPenalty: Float64Array;

  /** `movable`: piece -> 1 if it may be moved. The array is kept: what is set to 0 later stays from then on. */
  constructor(placer: Placer, movable: Uint8Array) {
    const { works } = placer.model;
    this.#placer = placer;
    this.#movable = movable;
    const anchors = anchorsOf(works);
    const disliked = dislikedIn(works);
    this.#mobile = Uint8Array.from(works, (work) => (isMobile(work, anchors, disliked) ? 1 : 0));
    this.#ownPenalty = Float64Array.from(works, ownPenalty);
  }

  isFree(piece: number): boolean {
    return this.#movable[piece] === 1 && this.#mobile[this.#placer.workOf[piece]!] === 1;
  }

  /** Whether nothing on the other node, but perhaps its room, speaks against such work, nor is it less welcome there than where it is. */
  mayMove(index: number, from: number, to: number): boolean {
    const work = this.#placer.model.works[index]!;
    if (!this.#placer.hereAllows(work, to)) return false;
    return work.penaltiesHere.length === 0 || penaltyOf(work, to) <= penaltyOf(work, from) - this.#ownPenalty[index]!;
  }
}

/** Counts on single nodes that required rules, or a liking, go by: what is counted there stays where it is. */
function anchorsOf(works: readonly CompiledWork[]): Set<Tally> {
  const anchors = new Set<Tally>();
  for (const { needsHere, spreadHere, penaltiesHere } of works) {
    for (const { tally } of needsHere) anchors.add(tally);
    for (const { tally } of spreadHere) anchors.add(tally);
    for (const { tally, once } of penaltiesHere) if (once) anchors.add(tally);
  }
  return anchors;
}

/** Counts on single nodes that are better small. */
function dislikedIn(works: readonly CompiledWork[]): Set<Tally> {
  return new Set(works.flatMap(({ penaltiesHere }) => penaltiesHere.map(({ tally }) => tally)));
}

/** What others dislike moves only if it dislikes it as well: its own penalty speaks for theirs then. */
function isMobile(
  { work, adds, needsHere, spreadHere, penaltiesHere, leaning }: CompiledWork,
  anchors: ReadonlySet<Tally>,
  disliked: ReadonlySet<Tally>,
): boolean {
  if (work.global || leaning !== undefined || needsHere.length + spreadHere.length > 0) return false;
  const own = (tally: Tally) => penaltiesHere.some((penalty) => penalty.tally === tally);
  return adds.every(({ tally }) => !anchors.has(tally) && (!disliked.has(tally) || own(tally)));
}

/** By how much a piece counts against the node that it is on. */
function ownPenalty({ penaltiesHere, adds }: CompiledWork): number {
  let sum = 0;
  for (const { tally, weight } of penaltiesHere)
    for (const added of adds) if (added.tally === tally) sum += weight * added.amount;
  return sum;
}
