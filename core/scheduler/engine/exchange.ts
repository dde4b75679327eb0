import { type CompiledWork, CPU, MEMORY } from './compiled.ts';
import type { Mobility } from './mobility.ts';
import { Pieces } from './pieces.ts';
import type { Placer } from './placer.ts';

/** So many nodes that have what another lacks are tried out; after that it keeps its rest. */
const MOST_PARTNERS = 16;
/** Less than this share of a node's cpu is no loss. */
const NEGLIGIBLE = 0.005;
/** An exchange that evens out this part of what one of the two has too much is taken without looking for a better one. */
const GOOD = 0.9;
const LEAST_GAIN = 1e-9;
/** So many pieces of one class are taken for one piece. */
const MOST_TIMES = 8;
/** Pairs of classes looked at in one go: about a fifth of a second. The nodes with most to gain come first. */
const MOST_PAIRS = 20_000_000;

/**
 * Makes rests usable. A node that has cpu left but no memory for it gives work that is heavy in memory to a node with memory left but no
 * cpu, and takes work that is heavy in cpu for it.
 *
 * What is stranded is measured against the mix of all work, placed and waiting: the cpu of a node for which it has no memory if what
 * comes is like what has come, and the other way round. The difference of both, over all nodes, is what the mix leaves over and cannot be
 * changed; so each exchange makes both smaller by the same amount, and none makes either greater.
 *
 * Nodes exchange within their pool. Only pieces that the caller gives free are moved. Deterministic, and nothing is ever left without a place: a piece goes only where there is
 * one for it.
 */
export class Exchange {
  readonly #placer: Placer;
  readonly #mobility: Mobility;
  /** Work class -> by how much its memory, in terms of cpu, is more than its cpu. */
  readonly #lean: Float64Array;
  /** A share of the memory is worth so much of the cpu. */
  readonly #worth: number;
  /** One piece of each class on the node, and on its partner. */
  readonly #mine: Pieces;
  readonly #theirs: Pieces;
  #gives = -1;
  /** The class of what is taken for it, and how many of it; -1 = nothing is. */
  #takes = -1;
  #times = 0;
  #pairs = 0;

  constructor(placer: Placer, mobility: Mobility) {
    const { works, cpu, memory } = placer.model;
    this.#placer = placer;
    this.#mobility = mobility;
    const counts = new Int32Array(works.length);
    for (let piece = 0; piece < placer.workOf.length; piece++) counts[placer.workOf[piece]!]!++;
    let cpuWanted = 0;
    let memoryWanted = 0;
    for (let index = 0; index < works.length; index++) {
      cpuWanted += cpu.share(works[index]!.cpu) * counts[index]!;
      memoryWanted += memory.share(works[index]!.memory) * counts[index]!;
    }
    this.#worth = memoryWanted > 0 ? cpuWanted / memoryWanted : 0;
    this.#lean = Float64Array.from(works, (work) => memory.share(work.memory) * this.#worth - cpu.share(work.cpu));
    this.#mine = new Pieces(works.length);
    this.#theirs = new Pieces(works.length);
  }

  /**
   * The cpu that is left on the node and has no memory to go with it, as a share of what the largest node has; below 0: there is memory left
   * that has no cpu.
   */
  surplus(node: number): number {
    const { free, width, model } = this.#placer;
    return model.cpu.share(free[node * width + CPU]!) - model.memory.share(free[node * width + MEMORY]!) * this.#worth;
  }

  /** Returns how many exchanges there were. */
  run(): number {
    const { nodeCount, lastOn } = this.#placer;
    const { of: poolOf, count } = this.#mobility.pools;
    const surplus = new Float64Array(nodeCount);
    const givers: number[] = [];
    for (let node = 0; node < nodeCount; node++) {
      surplus[node] = this.surplus(node);
      if (lastOn[node]! >= 0 && surplus[node]! > this.#negligible(node)) givers.push(node);
    }
    givers.sort((a, b) => surplus[b]! - surplus[a]! || a - b);
    const partners: (number[] | undefined)[] = Array.from({ length: count });
    for (const node of givers) partners[poolOf[node]!] ??= [];
    // An empty node stays empty: it is not in use.
    for (let node = 0; node < nodeCount; node++)
      if (surplus[node]! < 0 && lastOn[node]! >= 0) partners[poolOf[node]!]?.push(node);
    for (const list of partners) list?.sort((a, b) => surplus[a]! - surplus[b]! || a - b);
    let exchanges = 0;
    this.#pairs = 0;
    for (const node of givers) exchanges += this.#even(node, partners[poolOf[node]!]!);
    return exchanges;
  }

  #negligible(node: number): number {
    const { model, width } = this.#placer;
    return NEGLIGIBLE * model.cpu.share(model.room[node * width + CPU]!);
  }

  #even(node: number, partners: readonly number[]): number {
    const enough = this.#negligible(node);
    let exchanges = 0;
    let tried = 0;
    this.#gather(node, this.#mine);
    if (this.#mine.count === 0) return 0;
    for (let at = 0; at < partners.length && tried < MOST_PARTNERS && this.#pairs < MOST_PAIRS; at++) {
      const partner = partners[at]!;
      if (this.surplus(partner) >= 0) continue;
      tried++;
      this.#gather(partner, this.#theirs);
      while (this.#find(node, partner)) {
        this.#exchange(node, partner);
        exchanges++;
        if (this.surplus(node) <= enough) return exchanges;
        this.#gather(node, this.#mine);
        this.#gather(partner, this.#theirs);
      }
    }
    return exchanges;
  }

  #gather(node: number, into: Pieces): void {
    const { lastOn, before, workOf } = this.#placer;
    into.clear();
    for (let piece = lastOn[node]!; piece >= 0; piece = before[piece]!) {
      const index = workOf[piece]!;
      if (this.#mobility.isFree(piece)) into.add(piece, index, this.#lean[index]!);
    }
  }

  /** What the two exchange best: a piece for another one, for several of a class if one has too little room, or for nothing. */
  #find(node: number, partner: number): boolean {
    const mine = this.#mine;
    const theirs = this.#theirs;
    const surplus = this.surplus(node);
    const lack = -this.surplus(partner);
    const good = GOOD * Math.min(surplus, lack);
    let best = LEAST_GAIN;
    this.#gives = -1;
    for (let at = 0; at < mine.count; at++) {
      const gives = mine.workOf[at]!;
      const lean = this.#lean[gives]!;
      if (Math.min(lean - MOST_TIMES * theirs.leastLean, surplus) <= best || !this.#mobility.mayMove(gives, node, partner))
        continue;
      this.#pairs += theirs.count;
      for (let other = -1; other < theirs.count; other++) {
        const takes = other < 0 ? -1 : theirs.workOf[other]!;
        const times = other < 0 ? 0 : this.#timesFor(gives, takes, partner, theirs.counts[other]!);
        const change = other < 0 ? lean : lean - times * this.#lean[takes]!;
        const gain = (change < surplus ? change : surplus) - (change > lack ? change - lack : 0);
        if (gain <= best || !this.#fits(gives, 1, takes, times, partner)) continue;
        if (other >= 0 && !(this.#fits(takes, times, gives, 1, node) && this.#mobility.mayMove(takes, partner, node))) continue;
        best = gain;
        this.#gives = mine.pieces[at]!;
        this.#takes = takes;
        this.#times = times;
        if (gain >= good) return true;
      }
    }
    return this.#gives >= 0;
  }

  /**
   * How many of the `count` of this class have to go for `comes` to have room; 1 if no number is enough, or if they heed what is on a node: then
   * each would have to be asked for by itself.
   */
  #timesFor(comes: number, goes: number, node: number, count: number): number {
    const { free, width, model } = this.#placer;
    const going = model.works[goes]!;
    if (count === 1 || going.forbidsHere.length + going.penaltiesHere.length > 0) return 1;
    const { resources, amounts } = model.works[comes]!;
    let times = 1;
    for (let at = 0; at < resources.length; at++) {
      const missing = amounts[at]! - free[node * width + resources[at]!]!;
      if (missing <= 0) continue;
      const amount = amountOf(going, resources[at]!);
      if (amount * count < missing) return 1;
      times = Math.max(times, Math.ceil(missing / amount));
    }
    return times <= MOST_TIMES ? times : 1;
  }

  /** Whether there is room on the node for so many of `comes` without so many of `goes` (-1: nothing goes). */
  #fits(comes: number, coming: number, goes: number, going: number, node: number): boolean {
    const { free, width, model } = this.#placer;
    const { resources, amounts } = model.works[comes]!;
    const base = node * width;
    for (let at = 0; at < resources.length; at++) {
      const missing = amounts[at]! * coming - free[base + resources[at]!]!;
      if (missing > 0 && (goes < 0 || amountOf(model.works[goes]!, resources[at]!) * going < missing)) return false;
    }
    return true;
  }

  #exchange(node: number, partner: number): void {
    this.#placer.remove(this.#gives);
    const { lastOn, before, workOf } = this.#placer;
    for (let piece = lastOn[partner]!, left = this.#takes < 0 ? 0 : this.#times; left > 0; ) {
      const next = before[piece]!;
      if (workOf[piece] === this.#takes && this.#mobility.isFree(piece)) {
        this.#placer.move(piece, node);
        left--;
      }
      piece = next;
    }
    this.#placer.put(this.#gives, partner);
  }
}

function amountOf({ resources, amounts }: CompiledWork, resource: number): number {
  for (let at = 0; at < resources.length; at++) if (resources[at] === resource) return amounts[at]!;
  return 0;
}
