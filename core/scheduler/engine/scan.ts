import type { CompiledWork } from './compiled.ts';
import { penaltyOf, scoreOf, widePenaltyOf } from './cost.ts';
import type { Placer } from './placer.ts';

/** What makes one node better than another, in this order: preference, zones, the node itself, whether it is in use, the fit. */
const RANKS = 5;

/** Placing without the grid: each node of a list is looked at. For few nodes, and for work whose places no cell order knows. */
export class Scan {
  readonly #placer: Placer;
  readonly #few: number;
  readonly #everywhere: Int32Array;
  /** What ranks a node, and the best one so far. */
  readonly #mine = new Float64Array(RANKS);
  readonly #theirs = new Float64Array(RANKS);

  constructor(placer: Placer, few: number) {
    this.#placer = placer;
    this.#few = few;
    this.#everywhere = Int32Array.from({ length: placer.nodeCount }, (_, node) => node);
  }

  /** The nodes to look at; undefined = the grid finds them faster. */
  listFor({ mask, needsHere }: CompiledWork): Int32Array | undefined {
    if (needsHere.length > 0 || this.#everywhere.length <= this.#few) return this.#everywhere;
    if (!mask) return undefined;
    let count = 0;
    for (let node = 0; node < mask.length && count <= this.#few; node++) count += mask[node]!;
    return count > this.#few ? undefined : this.#everywhere.filter((node) => mask[node] === 1);
  }

  place(work: CompiledWork, list: Int32Array, pieces: Int32Array, from: number, to: number): number {
    let next = from;
    for (; next < to; next++) {
      const node = this.#bestOf(work, list);
      if (node < 0) break;
      this.#placer.putMany(work, node, pieces, next, next + 1);
    }
    return next - from;
  }

  #bestOf(work: CompiledWork, list: Int32Array): number {
    const { classOf } = this.#placer.model.classes;
    const mine = this.#mine;
    const theirs = this.#theirs;
    let best = -1;
    for (let at = 0; at < list.length; at++) {
      const node = list[at]!;
      if (!this.#placer.admits(work, node)) continue;
      mine[0] = -work.preference[classOf[node]!]!;
      mine[1] = widePenaltyOf(work, node);
      mine[2] = penaltyOf(work, node);
      mine[3] = this.#placer.beginsOn(node) ? 1 : 0;
      mine[4] = scoreOf(this.#placer, work, node);
      if (best >= 0 && !isLess(mine, theirs)) continue;
      best = node;
      theirs.set(mine);
    }
    return best;
  }
}

function isLess(a: Float64Array, b: Float64Array): boolean {
  for (let at = 0; at < RANKS; at++) if (a[at] !== b[at]) return a[at]! < b[at]!;
  return false;
}
