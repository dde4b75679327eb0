import { LEVELS, shareOfLevel } from './levels.ts';

/**
 * Where there is how much room. For each node class a square of cells, one for each level of cpu (rows) and memory (columns), the higher the
 * more room; a cell is a doubly linked list of its nodes. Bit words say which rows, and which columns of a row, have nodes, so that
 * "the least room that is enough" is found by looking at words instead of nodes.
 */
export class FreeGrid {
  readonly heads: Int32Array;
  readonly #tails: Int32Array;
  readonly next: Int32Array;
  readonly #previous: Int32Array;
  /** Node -> its cell; -1 = in none: it can take nothing. */
  readonly cellOf: Int32Array;
  /** Two words a row: which columns have nodes. */
  readonly columns: Uint32Array;
  /** Two words a class: which rows have nodes. */
  readonly rows: Uint32Array;

  constructor(nodeCount: number, classCount: number) {
    this.heads = new Int32Array(classCount * CELLS).fill(-1);
    this.#tails = new Int32Array(classCount * CELLS).fill(-1);
    this.next = new Int32Array(nodeCount).fill(-1);
    this.#previous = new Int32Array(nodeCount).fill(-1);
    this.cellOf = new Int32Array(nodeCount).fill(-1);
    this.columns = new Uint32Array(classCount * LEVELS * 2);
    this.rows = new Uint32Array(classCount * 2);
  }

  /** Puts the node at the head of its cell; does nothing if it is in that cell already. Levels below 0: into no cell. */
  put(node: number, nodeClass: number, cpuLevel: number, memoryLevel: number): void {
    const cell = cpuLevel < 0 ? -1 : nodeClass * CELLS + cpuLevel * LEVELS + memoryLevel;
    if (cell === this.cellOf[node]) return;
    this.#leave(node, cell);
    if (cell < 0) return;
    const head = this.heads[cell]!;
    this.next[node] = head;
    this.#previous[node] = -1;
    this.heads[cell] = node;
    if (head >= 0) this.#previous[head] = node;
    else this.#begin(node, cell);
  }

  /** Puts the node at the end of its cell, even if it is in that cell already: all of a cell get their turn. */
  append(node: number, nodeClass: number, cpuLevel: number, memoryLevel: number): void {
    const cell = cpuLevel < 0 ? -1 : nodeClass * CELLS + cpuLevel * LEVELS + memoryLevel;
    this.#leave(node, cell);
    if (cell < 0) return;
    const tail = this.heads[cell]! < 0 ? -1 : this.#tails[cell]!;
    this.next[node] = -1;
    this.#previous[node] = tail;
    if (tail >= 0) this.next[tail] = node;
    else {
      this.heads[cell] = node;
      this.#begin(node, cell);
    }
    this.#tails[cell] = node;
  }

  #leave(node: number, cell: number): void {
    const before = this.cellOf[node]!;
    if (before >= 0) this.#unlink(node, before);
    this.cellOf[node] = cell;
  }

  /** The node is the first one of its cell. */
  #begin(node: number, cell: number): void {
    this.#tails[cell] = node;
    this.#mark(cell);
  }

  #unlink(node: number, cell: number): void {
    const next = this.next[node]!;
    const previous = this.#previous[node]!;
    if (next >= 0) this.#previous[next] = previous;
    else this.#tails[cell] = previous;
    if (previous >= 0) this.next[previous] = next;
    else {
      this.heads[cell] = next;
      if (next < 0) this.#unmark(cell);
    }
  }

  #mark(cell: number): void {
    const row = cell >> 6;
    const column = cell & 63;
    this.columns[row * 2 + (column >> 5)]! |= 1 << (column & 31);
    this.rows[(row >> 6) * 2 + ((row & 63) >> 5)]! |= 1 << (row & 31);
  }

  #unmark(cell: number): void {
    const row = cell >> 6;
    const column = cell & 63;
    this.columns[row * 2 + (column >> 5)]! &= ~(1 << (column & 31));
    if (this.columns[row * 2] === 0 && this.columns[row * 2 + 1] === 0)
      this.rows[(row >> 6) * 2 + ((row & 63) >> 5)]! &= ~(1 << (row & 31));
  }

  /** The first column of the row, at or after `from`, that has nodes and is in `open`; -1 if there is none. `row` counts through all classes. */
  columnFrom(row: number, from: number, open: Uint32Array): number {
    if (from < 32) {
      const low = ((this.columns[row * 2]! & open[row * 2]!) >>> from) << from;
      if (low !== 0) return 31 - Math.clz32(low & -low);
      from = 32;
    }
    if (from > 63) return -1;
    const high = ((this.columns[row * 2 + 1]! & open[row * 2 + 1]!) >>> (from - 32)) << (from - 32);
    return high === 0 ? -1 : 63 - Math.clz32(high & -high);
  }

  /** The last column of the row, at or before `from`, that has nodes and is in `open`; -1 if there is none. */
  columnTo(row: number, from: number, open: Uint32Array): number {
    if (from < 0) return -1;
    if (from > 31) {
      const high = ((this.columns[row * 2 + 1]! & open[row * 2 + 1]!) << (63 - from)) >>> (63 - from);
      if (high !== 0) return 63 - Math.clz32(high);
      from = 31;
    }
    const low = ((this.columns[row * 2]! & open[row * 2]!) << (31 - from)) >>> (31 - from);
    return low === 0 ? -1 : 31 - Math.clz32(low);
  }
}

export const CELLS = LEVELS * LEVELS;

/** Level -> the least share of the largest node that a node in it has free. */
export const SHARES: Float64Array = Float64Array.from({ length: LEVELS }, (_, level) => shareOfLevel(level));
