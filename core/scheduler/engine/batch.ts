import { Compaction } from './compaction.ts';
import { Exchange } from './exchange.ts';
import { Headroom } from './headroom.ts';
import { Mobility } from './mobility.ts';
import type { Placer } from './placer.ts';
import { Turns } from './turns.ts';
import type { Work } from './work.ts';

/** Each round can place those whose need the round before has met, or what fits the rests that have been made usable. */
const MOST_ROUNDS = 8;
/** A batch may have as many priorities as pieces: looking at all nodes is worth it so often, and once more at the end. */
const MOST_FINISHES = 16;
/** To empty no more than this share of all nodes is worth no further round. */
const NEGLIGIBLE = 1 / 1024;
/**
 * For headroom a batch may begin on so many more nodes for each that it has begun on, and on no more than emptying had won: one that began on few, or
 * whose nodes are as full as they can be, begins on none for it.
 */
const MORE_NODES = 1 / 32;

/**
 * Places much at once. Nothing of a batch is running before all of it is decided, so when packing, what was placed early moves once
 * more when it is clear what is left where: from nodes that can be emptied, between nodes whose rests nobody can use, and from nodes that
 * are full of one thing.
 */
export class Batch {
  readonly #placer: Placer;
  readonly #exchange: Exchange | undefined;
  readonly #compaction: Compaction | undefined;
  readonly #headroom: Headroom | undefined;
  readonly #turns: Turns | undefined;
  readonly #inUseBefore: number;
  #finishes = 0;
  /** Nodes that were begun on and that all could do without. */
  #won = 0;

  /** `movable`: piece -> 1 if it belongs to the batch and may be moved within it. */
  constructor(placer: Placer, movable: Uint8Array) {
    this.#placer = placer;
    this.#inUseBefore = this.#inUse();
    const alone = movable.indexOf(1) === movable.lastIndexOf(1);
    if (alone) return;
    if (placer.strategy === 'pack') {
      const mobility = new Mobility(placer, movable);
      this.#exchange = new Exchange(placer, mobility);
      this.#compaction = new Compaction(placer, mobility);
      this.#headroom = new Headroom(placer, mobility);
    }
    this.#turns = new Turns(placer, movable, (pieces) => this.#placeRuns(pieces));
  }

  /** Places pieces that are in the order of placementOrder, those of one class together. What fits nowhere stays unplaced. */
  place(pieces: Int32Array): void {
    if (this.#placeAll(pieces) === pieces.length) return;
    if (++this.#finishes <= MOST_FINISHES) this.#settle(pieces);
  }

  /**
   * When all has been placed: empties what can be emptied, makes rests usable, tries the unplaced of `pieces` (in the same order as in
   * `place`) again, sees to it that of equally important ones the oldest are placed, and leaves full nodes some headroom.
   */
  finish(pieces: Int32Array): void {
    // What was moved for the less important may have made room for the more important.
    this.#placeAll(this.#unplaced(pieces));
    this.#settle(pieces);
    if (!this.#headroom || !this.#exchange) return;
    const begun = Math.max(0, this.#inUse() - this.#inUseBefore);
    if (this.#headroom.run(pieces, Math.min(Math.floor(begun * MORE_NODES), this.#won)) === 0) return;
    // What one node gave, another has: its rest may be uneven now.
    this.#exchange.run();
    this.#placeAll(this.#unplaced(pieces));
  }

  #inUse(): number {
    let count = 0;
    for (let node = 0; node < this.#placer.nodeCount; node++) if (!this.#placer.beginsOn(node)) count++;
    return count;
  }

  /** Empties, makes rests usable, and lets the oldest have their turn. */
  #settle(pieces: Int32Array): void {
    const waiting = this.#rearrange(this.#unplaced(pieces));
    if (waiting.length === 0 || !this.#turns || this.#turns.take(pieces) === 0) return;
    const left = this.#unplaced(pieces);
    this.#placeAll(left);
    this.#rearrange(this.#unplaced(left));
  }

  /** Tries the waiting again; returns those that go on waiting. */
  #rearrange(waiting: Int32Array): Int32Array {
    if (!this.#compaction || !this.#exchange) return waiting;
    let left = waiting;
    let emptied = this.#compaction.run();
    this.#won += emptied;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const exchanged = this.#exchange.run();
      if (exchanged + emptied === 0) break;
      // Rests that were of no use to each other take in whole nodes once they are even.
      emptied = exchanged > 0 ? this.#compaction.run() : 0;
      this.#won += emptied;
      if (this.#placeAll(left) === 0 && emptied <= NEGLIGIBLE * this.#placer.nodeCount) break;
      left = this.#unplaced(left);
    }
    return left;
  }

  #unplaced(pieces: Int32Array): Int32Array {
    return pieces.filter((piece) => this.#placer.nodeOf[piece]! < 0);
  }

  /** Returns how many were placed. Those whose needs are met by others of them are tried again. */
  #placeAll(pieces: Int32Array): number {
    const { nodeOf, model, workOf } = this.#placer;
    let last = this.#placeRuns(pieces);
    let placed = last;
    for (let round = 0; round < MOST_ROUNDS && last > 0 && placed < pieces.length; round++) {
      const waiting = pieces.filter((piece) => nodeOf[piece]! < 0 && dependsOnOthers(model.works[workOf[piece]!]!.work));
      last = waiting.length === 0 ? 0 : this.#placeRuns(waiting);
      placed += last;
    }
    return placed;
  }

  /** Returns how many were placed. */
  #placeRuns(pieces: Int32Array): number {
    const { workOf } = this.#placer;
    let placed = 0;
    for (let from = 0; from < pieces.length; ) {
      let to = from + 1;
      while (to < pieces.length && workOf[pieces[to]!] === workOf[pieces[from]!]) to++;
      placed += this.#placer.place(pieces, from, to);
      from = to;
    }
    return placed;
  }
}

/** What is placed later in the same round may open a place for it. */
const dependsOnOthers = ({ needs, spread }: Work) => needs.length > 0 || spread.some(({ required }) => required);
