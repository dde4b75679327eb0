import { compile } from './compile.ts';
import { type CompiledWork, CPU, MEMORY, type Model, PODS } from './compiled.ts';
import { FreeGrid } from './free-grid.ts';
import { LEVELS, levelOfShare } from './levels.ts';
import { Run } from './run.ts';
import { MOST_CLASSES } from './node-classes.ts';
import { isMet, keepsEven } from './rules.ts';
import type { SchedulingNode, Strategy, Work } from './work.ts';

export interface Problem {
  readonly nodes: readonly SchedulingNode[];
  /** Classes of work. */
  readonly works: readonly Work[];
  /** Piece -> its class. */
  readonly workOf: Int32Array;
  /** Piece -> the node it is on already, by the order of the names; -1 = none. */
  readonly placed?: Int32Array;
  /** Default: spread. */
  readonly strategy?: Strategy;
  /** With no more nodes than this each of them is looked at, and the best one is exactly that. */
  readonly fewNodes?: number;
}

const FEW_NODES = 64;

/**
 * Who is where and what is left: placing, taking away, losing nodes, each at the cost of what it changes. Everything is in arrays of
 * numbers that are made at the start; placing makes no objects. Deterministic: nodes are taken in the order of their names.
 */
export class Placer {
  readonly model: Model;
  readonly strategy: Strategy;
  readonly grid: FreeGrid;
  readonly nodeCount: number;
  readonly width: number;
  /** Node-major: what is left of each resource. Below 0 where more was placed than there is. */
  readonly free: Float64Array;
  /** Piece -> class. */
  readonly workOf: Int32Array;
  /** Piece -> node; -1 = not placed. */
  readonly nodeOf: Int32Array;
  /** Node -> the last piece placed on it, which leads to the others. */
  readonly lastOn: Int32Array;
  readonly before: Int32Array;
  readonly #after: Int32Array;
  /** Node class -> cpu and memory left in all its nodes; and what all nodes have. */
  readonly #classFree: Float64Array;
  readonly #total: Float64Array;
  /** Node -> pieces that do not belong on every node. */
  readonly #used: Int32Array;
  /** 1 = gone. */
  readonly #lost: Uint8Array;
  readonly #run: Run;
  readonly #gridless: boolean;

  constructor({ nodes, works, workOf, placed, strategy = 'spread', fewNodes = FEW_NODES }: Problem) {
    this.model = compile(nodes, works);
    this.strategy = strategy;
    const { classes, resources, room } = this.model;
    this.nodeCount = classes.nodes.length;
    this.width = resources.length;
    this.free = room.slice();
    this.workOf = workOf;
    this.nodeOf = new Int32Array(workOf.length).fill(-1);
    this.lastOn = new Int32Array(this.nodeCount).fill(-1);
    this.before = new Int32Array(workOf.length).fill(-1);
    this.#after = new Int32Array(workOf.length).fill(-1);
    this.#lost = new Uint8Array(this.nodeCount);
    this.#classFree = new Float64Array(classes.count * 2);
    this.#total = new Float64Array(2);
    for (let node = 0; node < this.nodeCount; node++)
      for (const resource of [CPU, MEMORY]) {
        this.#classFree[classes.classOf[node]! * 2 + resource]! += room[node * this.width + resource]!;
        this.#total[resource]! += room[node * this.width + resource]!;
      }
    this.#used = new Int32Array(this.nodeCount);
    // Few nodes, or nodes that have nothing in common, are looked at one by one.
    const gridless = this.nodeCount <= fewNodes || classes.count > MOST_CLASSES;
    this.#gridless = gridless;
    this.grid = new FreeGrid(this.nodeCount, gridless ? 0 : classes.count * 2);
    if (placed) for (let piece = 0; piece < placed.length; piece++) if (placed[piece]! >= 0) this.#record(piece, placed[piece]!);
    // The first name comes to stand first: packed, each goes to the head of its list, spread, to the end.
    for (let at = 0; at < this.nodeCount; at++) this.#settle(strategy === 'pack' ? this.nodeCount - 1 - at : at);
    this.#run = new Run(this, gridless ? this.nodeCount : fewNodes);
  }

  /**
   * Places pieces `pieces[from..to)`, all of one class, each where it is best; what fits nowhere stays unplaced. Returns how many were
   * placed: the first ones.
   */
  place(pieces: Int32Array, from: number, to: number): number {
    return from < to ? this.#run.place(this.model.works[this.workOf[pieces[from]!]!]!, pieces, from, to) : 0;
  }

  /** Places the piece on this node if it may be there. */
  placeOn(piece: number, node: number): boolean {
    const work = this.model.works[this.workOf[piece]!]!;
    if (!this.admits(work, node)) return false;
    this.put(piece, node);
    return true;
  }

  /** Places the piece on the node whether or not it fits. */
  put(piece: number, node: number): void {
    this.#record(piece, node);
    this.#settle(node);
  }

  remove(piece: number): void {
    const node = this.nodeOf[piece]!;
    const work = this.model.works[this.workOf[piece]!]!;
    const before = this.before[piece]!;
    const after = this.#after[piece]!;
    if (before >= 0) this.#after[before] = after;
    if (after >= 0) this.before[after] = before;
    else this.lastOn[node] = before;
    this.nodeOf[piece] = -1;
    this.#account(work, node, -1);
    this.#settle(node);
  }

  /** From where it is, whether or not it fits. */
  move(piece: number, node: number): void {
    this.remove(piece);
    this.put(piece, node);
  }

  /** The node is gone. Returns the pieces that were on it: they are unplaced now. */
  loseNode(node: number): number[] {
    this.#lost[node] = 1;
    const pieces: number[] = [];
    for (let piece = this.lastOn[node]!; piece >= 0; piece = this.lastOn[node]!) {
      pieces.push(piece);
      this.remove(piece);
    }
    this.#settle(node);
    return pieces;
  }

  isLost(node: number): boolean {
    return this.#lost[node] === 1;
  }

  /** Many of one class on one node: one change of its room. */
  putMany(work: CompiledWork, node: number, pieces: Int32Array, from: number, to: number): void {
    for (let at = from; at < to; at++) this.#link(pieces[at]!, node);
    this.#account(work, node, to - from);
    this.#settle(node);
  }

  #record(piece: number, node: number): void {
    this.#link(piece, node);
    this.#account(this.model.works[this.workOf[piece]!]!, node, 1);
  }

  #link(piece: number, node: number): void {
    const last = this.lastOn[node]!;
    this.before[piece] = last;
    this.#after[piece] = -1;
    if (last >= 0) this.#after[last] = piece;
    this.lastOn[node] = piece;
    this.nodeOf[piece] = node;
  }

  /** How much is left in all nodes of a class, of the scarcer of cpu and memory, as a share of what the whole cluster has. */
  left(nodeClass: number): number {
    const cpu = this.#classFree[nodeClass * 2]! / this.#total[0]!;
    const memory = this.#classFree[nodeClass * 2 + 1]! / this.#total[1]!;
    return cpu < memory ? cpu : memory;
  }

  #account({ work, resources, amounts, adds, cpu, memory }: CompiledWork, node: number, times: number): void {
    const base = node * this.width;
    if (!work.global) this.#used[node]! += times;
    const nodeClass = this.model.classes.classOf[node]!;
    this.#classFree[nodeClass * 2]! -= cpu * times;
    this.#classFree[nodeClass * 2 + 1]! -= memory * times;
    for (let at = 0; at < resources.length; at++) this.free[base + resources[at]!]! -= amounts[at]! * times;
    for (let at = 0; at < adds.length; at++) {
      const { tally, amount } = adds[at]!;
      tally.add(node, amount * times);
    }
  }

  /** Puts the node where it belongs in the grid. One that can take no more pieces is in no cell: nobody looks at it in vain. */
  #settle(node: number): void {
    if (this.#gridless) return;
    const base = node * this.width;
    const { classes, cpu, memory } = this.model;
    const full = this.free[base + PODS]! < 1 || this.#lost[node] === 1;
    const square = classes.classOf[node]! * 2 + (this.beginsOn(node) ? 1 : 0);
    if (this.strategy === 'pack')
      this.grid.put(node, square, full ? -1 : cpu.level(this.free[base + CPU]!), memory.level(this.free[base + MEMORY]!));
    else this.grid.append(node, square, full ? -1 : this.#idleLevel(base + CPU), this.#idleLevel(base + MEMORY));
  }

  /** Spreading tells apart how much is taken, finely where that is little: by the share of what the node itself has. */
  #idleLevel(at: number): number {
    const room = this.model.room[at]!;
    return LEVELS - 1 - (room > 0 ? levelOfShare(1 - this.free[at]! / room) : LEVELS - 1);
  }

  /** Packing keeps off such a node as long as others will do: it is empty. */
  beginsOn(node: number): boolean {
    return this.strategy === 'pack' && this.#used[node] === 0;
  }

  /** How many more fit the node, as far as its room goes. */
  fits({ resources, amounts }: CompiledWork, node: number): number {
    const base = node * this.width;
    let fits = Infinity;
    for (let at = 0; at < resources.length; at++)
      fits = Math.min(fits, Math.floor(this.free[base + resources[at]!]! / amounts[at]!));
    return fits;
  }

  hasRoom({ resources, amounts }: CompiledWork, node: number): boolean {
    const base = node * this.width;
    for (let at = 0; at < resources.length; at++) if (this.free[base + resources[at]!]! < amounts[at]!) return false;
    return true;
  }

  /** Whether what is on the node, and in its domains, lets such work in. Its room is another question. */
  hereAllows(work: CompiledWork, node: number): boolean {
    if (work.mask !== undefined && work.mask[node] === 0) return false;
    const { forbidsHere, needsHere, spreadHere } = work;
    for (let at = 0; at < forbidsHere.length; at++) if (forbidsHere[at]!.tally.at(node) > 0) return false;
    for (let at = 0; at < needsHere.length; at++) if (!isMet(needsHere[at]!, node)) return false;
    for (let at = 0; at < spreadHere.length; at++)
      if (!keepsEven(spreadHere[at]!, spreadHere[at]!.tally.domainOf[node]!)) return false;
    return true;
  }

  /** The same for what holds for all nodes of a class, of which `node` is one. */
  wideAllows({ forbidsWide, needsWide, spreadWide }: CompiledWork, node: number): boolean {
    for (let at = 0; at < forbidsWide.length; at++) if (forbidsWide[at]!.tally.at(node) > 0) return false;
    for (let at = 0; at < needsWide.length; at++) if (!isMet(needsWide[at]!, node)) return false;
    for (let at = 0; at < spreadWide.length; at++)
      if (!keepsEven(spreadWide[at]!, spreadWide[at]!.tally.domainOf[node]!)) return false;
    return true;
  }

  /** Whether a piece of this class may be put on the node now. */
  admits(work: CompiledWork, node: number): boolean {
    return (
      this.#lost[node] === 0 &&
      work.accepts[this.model.classes.classOf[node]!] === 1 &&
      this.hasRoom(work, node) &&
      this.hereAllows(work, node) &&
      this.wideAllows(work, node)
    );
  }
}
