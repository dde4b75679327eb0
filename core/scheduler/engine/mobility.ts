import type { CompiledWork } from './compiled.ts';
import { penaltyOf, widePenaltyOf } from './cost.ts';
import type { Placer } from './placer.ts';
import { type Pools, poolsOf } from './pools.ts';
import type { Tally } from './tally.ts';

/**
 * What of a batch may be moved to another node, and where: by what is on both nodes, and if they are of different classes also by what the
 * classes are and what is in their zones.
 */
export class Mobility {
  readonly pools: Pools;
  readonly #placer: Placer;
  readonly #movable: Uint8Array;
  /** Work class -> 1 if nothing ties such work to its node. */
  readonly #mobile: Uint8Array;
  /** Work class -> 1 if nothing ties it to its zones either. */
  readonly #wideMobile: Uint8Array;
  readonly #ownPenalty: Float64Array;
  readonly #ownWidePenalty: Float64Array;

  /** `movable`: piece -> 1 if it may be moved. The array is kept: what is set to 0 later stays from then on. */
  constructor(placer: Placer, movable: Uint8Array) {
    const { works, classes } = placer.model;
    this.pools = poolsOf(classes);
    this.#placer = placer;
    this.#movable = movable;
    const here = heededOn(works.map(onNodes));
    const wide = heededOn(works.map(inZones));
    this.#mobile = Uint8Array.from(works, (work) =>
      work.work.global || work.leaning !== undefined || !isMobile(work, onNodes(work), here) ? 0 : 1,
    );
    this.#wideMobile = Uint8Array.from(works, (work) => (isMobile(work, inZones(work), wide) ? 1 : 0));
    this.#ownPenalty = Float64Array.from(works, (work) => ownPenalty(work, work.penaltiesHere));
    this.#ownWidePenalty = Float64Array.from(works, (work) => ownPenalty(work, work.penaltiesWide));
  }

  isFree(piece: number): boolean {
    return this.#movable[piece] === 1 && this.#mobile[this.#placer.workOf[piece]!] === 1;
  }

  /** Whether nothing on the other node, but perhaps its room, speaks against such work, nor is it less welcome there than where it is. */
  mayMove(index: number, from: number, to: number): boolean {
    const { model } = this.#placer;
    const { classOf } = model.classes;
    const work = model.works[index]!;
    if (classOf[from] !== classOf[to] && !this.#mayChangeClass(index, from, to)) return false;
    if (!this.#placer.hereAllows(work, to)) return false;
    return work.penaltiesHere.length === 0 || penaltyOf(work, to) <= penaltyOf(work, from) - this.#ownPenalty[index]!;
  }

  #mayChangeClass(index: number, from: number, to: number): boolean {
    const { model } = this.#placer;
    const { classOf } = model.classes;
    const work = model.works[index]!;
    if (work.accepts[classOf[to]!] === 0 || work.preference[classOf[to]!]! < work.preference[classOf[from]!]!) return false;
    if (staysInItsZones(work, from, to)) return true;
    if (this.#wideMobile[index] === 0 || !this.#placer.wideAllows(work, to)) return false;
    return work.penaltiesWide.length === 0 || widePenaltyOf(work, to) <= widePenaltyOf(work, from) - this.#ownWidePenalty[index]!;
  }
}

/** Nothing that is counted in zones changes for it, nor for others. */
function staysInItsZones(
  { adds, forbidsWide, needsWide, spreadWide, penaltiesWide }: CompiledWork,
  from: number,
  to: number,
): boolean {
  return (
    same(adds, from, to) &&
    same(forbidsWide, from, to) &&
    same(needsWide, from, to) &&
    same(spreadWide, from, to) &&
    same(penaltiesWide, from, to)
  );
}

function same(counted: readonly { readonly tally: Tally }[], from: number, to: number): boolean {
  for (let at = 0; at < counted.length; at++) {
    const { domainOf, topology } = counted[at]!.tally;
    if (topology.wide && domainOf[from] !== domainOf[to]) return false;
  }
  return true;
}

/** What work heeds, on single nodes or in zones. */
type Heeded = Record<'needs' | 'spread', CompiledWork['needsHere'] | CompiledWork['spreadHere']> & {
  readonly penalties: CompiledWork['penaltiesHere'];
};

const onNodes = ({ needsHere: needs, spreadHere: spread, penaltiesHere: penalties }: CompiledWork): Heeded => ({
  needs,
  spread,
  penalties,
});
const inZones = ({ needsWide: needs, spreadWide: spread, penaltiesWide: penalties }: CompiledWork): Heeded => ({
  needs,
  spread,
  penalties,
});

/** Counts that required rules, or a liking, go by: what is counted there stays where it is. And counts that are better small. */
function heededOn(all: readonly Heeded[]): { anchors: ReadonlySet<Tally>; disliked: ReadonlySet<Tally> } {
  const anchors = new Set<Tally>();
  const disliked = new Set<Tally>();
  for (const { needs, spread, penalties } of all) {
    for (const { tally } of needs) anchors.add(tally);
    for (const { tally } of spread) anchors.add(tally);
    for (const { tally, once } of penalties) (once ? anchors : disliked).add(tally);
  }
  return { anchors, disliked };
}

/** What others dislike moves only if it dislikes it as well: its own penalty speaks for theirs then. */
function isMobile(
  { adds }: CompiledWork,
  { needs, spread, penalties }: Heeded,
  { anchors, disliked }: ReturnType<typeof heededOn>,
): boolean {
  if (needs.length + spread.length > 0) return false;
  const own = (tally: Tally) => penalties.some((penalty) => penalty.tally === tally);
  return adds.every(({ tally }) => !anchors.has(tally) && (!disliked.has(tally) || own(tally)));
}

/** By how much a piece counts against the place that it is in. */
function ownPenalty({ adds }: CompiledWork, penalties: CompiledWork['penaltiesHere']): number {
  let sum = 0;
  for (const { tally, weight } of penalties) for (const added of adds) if (added.tally === tally) sum += weight * added.amount;
  return sum;
}
