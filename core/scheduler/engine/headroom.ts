import { CPU, MEMORY } from './compiled.ts';
import type { Mobility } from './mobility.ts';
import { Offer } from './offer.ts';
import type { Placer } from './placer.ts';

/** The share of its cpu and memory that a node keeps. Below half of that it has used one of them up. */
export const HEADROOM = 1 / 9;
/** So many pieces of a node are offered in vain, and then the node stays as it is; after so many of those, so do the others of its class. */
const MOST_FAILURES = 8;
/** So many nodes are asked to take a piece. One with less than this share beyond its headroom isn't asked again. */
const MOST_ASKED = 8;
const NEGLIGIBLE = 0.01;
/** Pieces and nodes looked at in one go: about a twentieth of a second. */
const MOST_LOOKS = 20_000_000;

/**
 * Keeps full nodes usable. On a node whose cpu is used up all the memory that it has left is stranded (Pond, ASPLOS '23); with a little cpu
 * other work can still use it, and the work that is there can grow. So nodes with one of both used up and the other left give pieces away
 * until they have their headroom: to nodes of their pool that keep theirs, too, and if there are none, to an empty one.
 *
 * The caller limits how many empty nodes that may cost, and of each pool half of them stay empty, for work that needs a whole one. So the nodes
 * where most becomes usable for what it takes come first: the greedy order for a knapsack (Dantzig 1957). A node whose headroom wouldn't hold the mean piece of all work stays as it is, and so does one that has
 * used up both: it strands nothing. Only pieces that the caller gives free are moved, and a node gets its whole headroom or stays as it was.
 * Deterministic.
 */
export class Headroom {
  readonly #placer: Placer;
  readonly #mobility: Mobility;
  /** Of all work: CPU, MEMORY. */
  readonly #mean: readonly [cpu: number, memory: number];
  /** Node -> how much it lacks of what it has used up. */
  readonly #lacks: Float64Array;
  /** Node -> how much becomes usable for that. */
  readonly #worth: Float64Array;
  /** By pool: nodes that have more than their headroom, the roomiest last; and half of the empty ones, the largest last. */
  readonly #receivers: number[][];
  readonly #empty: number[][];
  readonly #offer = new Offer();
  #begins = 0;
  #looks = 0;

  constructor(placer: Placer, mobility: Mobility) {
    const { count } = mobility.pools;
    this.#placer = placer;
    this.#mobility = mobility;
    this.#mean = meanOf(placer);
    this.#lacks = new Float64Array(placer.nodeCount);
    this.#worth = new Float64Array(placer.nodeCount);
    this.#receivers = Array.from({ length: count }, () => []);
    this.#empty = Array.from({ length: count }, () => []);
  }

  /** `pieces`: those that may be moved; `begins`: how many empty nodes it may cost. Returns how many nodes got their headroom. */
  run(pieces: Int32Array, begins: number): number {
    const { classes } = this.#placer.model;
    const failures = new Int32Array(classes.count);
    let loosened = 0;
    this.#begins = begins;
    this.#looks = 0;
    for (const node of this.#sort(pieces)) {
      const nodeClass = classes.classOf[node]!;
      if (failures[nodeClass] === MOST_FAILURES || this.#looks > MOST_LOOKS) continue;
      if (this.#loosen(node)) {
        failures[nodeClass] = 0;
        loosened++;
      } else failures[nodeClass]!++;
    }
    return loosened;
  }

  /** Sees which nodes can take something in, and returns those that should give something away, the best first. */
  #sort(pieces: Int32Array): number[] {
    const { nodeCount, nodeOf, model } = this.#placer;
    const { of: poolOf } = this.#mobility.pools;
    const full: number[] = [];
    // A batch may be a small part of what runs: most nodes have nothing of it then.
    const has = new Uint8Array(nodeCount);
    for (let at = 0; at < pieces.length; at++) if (nodeOf[pieces[at]!]! >= 0) has[nodeOf[pieces[at]!]!] = 1;
    for (const list of this.#receivers) list.length = 0;
    for (const list of this.#empty) list.length = 0;
    for (let node = 0; node < nodeCount; node++) {
      if (this.#placer.isLost(node)) continue;
      const pool = poolOf[node]!;
      if (this.#placer.beginsOn(node)) this.#empty[pool]!.push(node);
      else if (this.#spare(node) >= NEGLIGIBLE) this.#receivers[pool]!.push(node);
      else if (has[node] === 1 && this.#measure(node)) full.push(node);
    }
    const size = (node: number) => this.#share(node, CPU, model.room) + this.#share(node, MEMORY, model.room);
    for (const list of this.#empty) {
      list.sort((a, b) => size(a) - size(b) || b - a);
      list.splice(0, list.length >> 1);
    }
    for (const list of this.#receivers) list.sort((a, b) => this.#spare(a) - this.#spare(b) || b - a);
    return full.sort((a, b) => this.#worth[b]! - this.#worth[a]! || a - b);
  }

  /** false if the node strands nothing, or nothing would come of its headroom. */
  #measure(node: number): boolean {
    const { model, free, width } = this.#placer;
    const usedUp = this.#scarcer(node);
    const other = usedUp === CPU ? MEMORY : CPU;
    if (this.#left(node, usedUp) >= HEADROOM / 2 || this.#left(node, other) < HEADROOM) return false;
    const keeps = HEADROOM * model.room[node * width + usedUp]!;
    if (keeps === 0 || keeps < this.#mean[usedUp]) return false;
    const lacks = keeps - free[node * width + usedUp]!;
    this.#lacks[node] = lacks;
    this.#worth[node] = this.#share(node, other, free) / (usedUp === CPU ? model.cpu : model.memory).share(lacks);
    return true;
  }

  #scarcer(node: number): typeof CPU | typeof MEMORY {
    return this.#left(node, CPU) < this.#left(node, MEMORY) ? CPU : MEMORY;
  }

  /** As a share of what the node itself has. */
  #left(node: number, resource: number): number {
    const { free, width, model } = this.#placer;
    const room = model.room[node * width + resource]!;
    return room > 0 ? free[node * width + resource]! / room : 0;
  }

  /** As a share of what the largest node has. */
  #share(node: number, resource: number, of: Float64Array): number {
    const { model, width } = this.#placer;
    return (resource === CPU ? model.cpu : model.memory).share(of[node * width + resource]!);
  }

  /** What it has beyond its headroom, of cpu or memory, whichever is less. */
  #spare(node: number): number {
    return Math.min(this.#left(node, CPU), this.#left(node, MEMORY)) - HEADROOM;
  }

  #loosen(node: number): boolean {
    const offer = this.#offer;
    this.#fillOffer(node);
    let lacks = this.#lacks[node]!;
    for (let failures = 0; lacks > 0 && failures < MOST_FAILURES; ) {
      const at = offer.choose(lacks);
      this.#looks += offer.count;
      if (at < 0) break;
      const piece = offer.piece(at);
      const to = this.#receiver(piece, node);
      if (to < 0) {
        failures++;
        offer.withdraw(at);
        continue;
      }
      lacks -= offer.amount(at);
      this.#placer.move(piece, to);
      offer.give(at);
    }
    if (lacks <= 0) return true;
    for (const piece of offer.given()) this.#placer.move(piece, node);
    return false;
  }

  #fillOffer(node: number): void {
    const { lastOn, before, workOf, model } = this.#placer;
    const cpu = this.#scarcer(node) === CPU;
    this.#offer.clear();
    for (let piece = lastOn[node]!; piece >= 0; piece = before[piece]!) {
      if (!this.#mobility.isFree(piece)) continue;
      const work = model.works[workOf[piece]!]!;
      this.#offer.add(piece, cpu ? work.cpu : work.memory);
    }
  }

  /** The node that takes the piece; -1 = none. */
  #receiver(piece: number, node: number): number {
    const index = this.#placer.workOf[piece]!;
    const pool = this.#mobility.pools.of[node]!;
    const receivers = this.#receivers[pool]!;
    for (let asked = 0, at = receivers.length - 1; at >= 0 && asked < MOST_ASKED; asked++, at--) {
      const other = receivers[at]!;
      if (this.#takes(index, node, other)) return other;
      if (this.#spare(other) < NEGLIGIBLE) receivers.splice(at, 1);
    }
    this.#looks += MOST_ASKED;
    const empty = this.#empty[pool]!;
    if (this.#begins === 0 || empty.length === 0 || !this.#takes(index, node, empty.at(-1)!)) return -1;
    this.#begins--;
    receivers.push(empty.at(-1)!);
    return empty.pop()!;
  }

  #takes(index: number, node: number, other: number): boolean {
    const { free, width, model } = this.#placer;
    const work = model.works[index]!;
    const base = other * width;
    return (
      free[base + CPU]! - work.cpu >= HEADROOM * model.room[base + CPU]! &&
      free[base + MEMORY]! - work.memory >= HEADROOM * model.room[base + MEMORY]! &&
      this.#placer.hasRoom(work, other) &&
      this.#mobility.mayMove(index, node, other)
    );
  }
}

/** Of all pieces, placed and waiting, but those that belong on every node. */
function meanOf({ model, workOf }: Placer): [cpu: number, memory: number] {
  const counts = new Int32Array(model.works.length);
  for (let piece = 0; piece < workOf.length; piece++) counts[workOf[piece]!]!++;
  let [cpu, memory, all] = [0, 0, 0];
  for (const [index, work] of model.works.entries()) {
    if (work.work.global) continue;
    cpu += work.cpu * counts[index]!;
    memory += work.memory * counts[index]!;
    all += counts[index]!;
  }
  return all === 0 ? [0, 0] : [cpu / all, memory / all];
}
