import { CPU, MEMORY } from './compiled.ts';
import type { Mobility } from './mobility.ts';
import type { Placer } from './placer.ts';

/** Of each class of nodes so many that could not be emptied are tried; the others have more on them. */
const MOST_FAILURES = 8;
/** A node with less than this share of its cpu or memory left takes in nothing. */
const NEGLIGIBLE = 0.01;
/** Nodes looked at in one go: about a fiftieth of a second. What is left then stays where it is. */
const MOST_LOOKS = 5_000_000;

/**
 * Empties nodes: those with least on them give all of it to others of their pool that are in use. Work that may not share a node opens many
 * of them early; once it is clear what else there is, fewer will do. Only what the caller gives free is moved, and a node is emptied whole or
 * left as it is. Deterministic.
 */
export class Compaction {
  readonly #placer: Placer;
  readonly #mobility: Mobility;
  #looks = 0;

  constructor(placer: Placer, mobility: Mobility) {
    this.#placer = placer;
    this.#mobility = mobility;
  }

  /** Returns how many nodes were emptied. */
  run(): number {
    const { nodeCount, model } = this.#placer;
    const { classOf, count } = model.classes;
    const { pools } = this.#mobility;
    const open: number[][] = Array.from({ length: pools.count }, () => []);
    for (let node = 0; node < nodeCount; node++)
      if (!this.#placer.beginsOn(node) && this.#takesMore(node)) open[pools.of[node]!]!.push(node);
    const failures = new Int32Array(count);
    const load = Float64Array.from({ length: nodeCount }, (_, node) => this.#load(node));
    let emptied = 0;
    this.#looks = 0;
    for (const nodes of open) {
      nodes.sort((a, b) => load[a]! - load[b]! || a - b);
      for (let at = 0; at < nodes.length && nodes.length > 1 && this.#looks < MOST_LOOKS; ) {
        const nodeClass = classOf[nodes[at]!]!;
        if (failures[nodeClass]! < MOST_FAILURES && this.#empty(nodes[at]!, nodes)) {
          nodes.splice(at, 1);
          emptied++;
        } else {
          at++;
          failures[nodeClass]!++;
        }
      }
    }
    return emptied;
  }

  #takesMore(node: number): boolean {
    const { free, width, model } = this.#placer;
    const base = node * width;
    return (
      free[base + CPU]! > NEGLIGIBLE * model.room[base + CPU]! && free[base + MEMORY]! > NEGLIGIBLE * model.room[base + MEMORY]!
    );
  }

  /** How much is on it, as shares of the largest node. */
  #load(node: number): number {
    const { free, width, model } = this.#placer;
    const base = node * width;
    return (
      model.cpu.share(model.room[base + CPU]! - free[base + CPU]!) +
      model.memory.share(model.room[base + MEMORY]! - free[base + MEMORY]!)
    );
  }

  /** Moves everything on the node to some of the others, or nothing. */
  #empty(node: number, others: readonly number[]): boolean {
    const pieces = this.#piecesOn(node);
    if (!pieces || !this.#haveRoom(pieces, node, others)) return false;
    for (const [moved, piece] of pieces.entries()) {
      const to = this.#tightest(piece, node, others);
      if (to >= 0) {
        this.#placer.move(piece, to);
        continue;
      }
      for (const back of pieces.slice(0, moved)) this.#placer.move(back, node);
      return false;
    }
    return true;
  }

  /** The large first; undefined if some may not leave. What belongs on every node is no work of this one. */
  #piecesOn(node: number): number[] | undefined {
    const { lastOn, before, workOf, model } = this.#placer;
    const pieces: number[] = [];
    for (let piece = lastOn[node]!; piece >= 0; piece = before[piece]!) {
      if (model.works[workOf[piece]!]!.work.global) continue;
      if (!this.#mobility.isFree(piece)) return undefined;
      pieces.push(piece);
    }
    const size = (piece: number) => {
      const { cpu, memory } = model.works[workOf[piece]!]!;
      return Math.max(model.cpu.share(cpu), model.memory.share(memory));
    };
    return pieces.sort((a, b) => size(b) - size(a) || a - b);
  }

  /** By sums alone: most of what can't be emptied is ruled out here. */
  #haveRoom(pieces: readonly number[], node: number, others: readonly number[]): boolean {
    const { free, width, model, workOf } = this.#placer;
    let [cpu, memory] = [0, 0];
    this.#looks += others.length;
    for (const other of others)
      if (other !== node) {
        cpu += free[other * width + CPU]!;
        memory += free[other * width + MEMORY]!;
      }
    for (const piece of pieces) {
      cpu -= model.works[workOf[piece]!]!.cpu;
      memory -= model.works[workOf[piece]!]!.memory;
    }
    return cpu >= 0 && memory >= 0;
  }

  #tightest(piece: number, node: number, others: readonly number[]): number {
    const { free, width, model, workOf } = this.#placer;
    const index = workOf[piece]!;
    this.#looks += others.length;
    let best = -1;
    let least = Infinity;
    for (const other of others) {
      const left = model.cpu.share(free[other * width + CPU]!) + model.memory.share(free[other * width + MEMORY]!);
      if (other === node || left >= least || !this.#placer.hasRoom(model.works[index]!, other)) continue;
      if (!this.#mobility.mayMove(index, node, other)) continue;
      best = other;
      least = left;
    }
    return best;
  }
}
