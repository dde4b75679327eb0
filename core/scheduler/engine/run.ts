import type { CompiledWork } from './compiled.ts';
import { penaltyOf, scoreOf, waste, widePenaltyOf } from './cost.ts';
import { type FreeGrid, SHARES } from './free-grid.ts';
import { LEVELS, levelOfShare } from './levels.ts';
import type { Placer } from './placer.ts';
import { Scan } from './scan.ts';

/** A run fills this part of what a node can take of it, and then looks again: a node full of one kind of work has uneven rests. */
const PORTION = 1 / 8;

/**
 * Places a run of equal pieces. In each square of the grid (a node class; when packing, its nodes in use and its empty ones apart) a
 * cursor goes through the cells, the best ones first, and stops at the first node that takes such a piece: its candidate. The best
 * candidate gets the piece. A cursor doesn't go back, so that a long run looks at each node about once, and a short one at a few cells.
 *
 * What is better: the class that is more preferred, then the smaller penalty of the zone, then that of the node, then the fit.
 */
export class Run {
  readonly #placer: Placer;
  readonly #grid: FreeGrid;
  /** By square and row, two words: which columns the cursor has not been in. */
  readonly #open: Uint32Array;
  /** By square: the next node of the cell that the cursor is in; -1 = the cell is done. */
  readonly #pointer: Int32Array;
  /** By square: the node that is taken next, or one of these. */
  readonly #candidate: Int32Array;
  readonly #score: Float64Array;
  /** By square: nodes with a greater penalty are passed over; the least penalty among those passed over. */
  readonly #level: Float64Array;
  readonly #nextLevel: Float64Array;
  /** By square: a node that may take more has moved since the cursor began. */
  readonly #moved: Uint8Array;
  readonly #scan: Scan;
  #work!: CompiledWork;
  #cpuLevel = 0;
  #memoryLevel = 0;
  /** Something was placed since every cursor began. */
  #placed = false;
  /** A node that may take more was left behind. */
  #returns = false;
  #cpuShare = 0;
  #memoryShare = 0;

  constructor(placer: Placer, few: number) {
    const { classes } = placer.model;
    const squares = classes.count * 2;
    this.#placer = placer;
    this.#scan = new Scan(placer, few);
    this.#grid = placer.grid;
    this.#open = new Uint32Array(squares * LEVELS * 2);
    this.#pointer = new Int32Array(squares);
    this.#candidate = new Int32Array(squares);
    this.#score = new Float64Array(squares);
    this.#level = new Float64Array(squares);
    this.#nextLevel = new Float64Array(squares);
    this.#moved = new Uint8Array(squares);
  }

  place(work: CompiledWork, pieces: Int32Array, from: number, to: number): number {
    const { cpu, memory } = this.#placer.model;
    this.#work = work;
    this.#cpuLevel = cpu.level(work.cpu);
    this.#memoryLevel = memory.level(work.memory);
    this.#cpuShare = cpu.share(work.cpu);
    this.#memoryShare = memory.share(work.memory);
    const list = this.#scan.listFor(work);
    if (list) return this.#scan.place(work, list, pieces, from, to);
    const pack = this.#placer.strategy === 'pack';
    this.#beginAll();
    this.#returns = this.#placed = false;
    let next = from;
    while (next < to) {
      const square = this.#bestSquare();
      if (square < 0) break;
      const node = this.#candidate[square]!;
      const count = work.plain && pack ? Math.min(to - next, Math.ceil(this.#placer.fits(work, node) * PORTION)) : 1;
      this.#placer.putMany(work, node, pieces, next, next + count);
      next += count;
      this.#placed = true;
      this.#candidate[square] = UNKNOWN;
      if (!work.alone) this.#comeBack(node);
    }
    return next - from;
  }

  /** The node may take more, where it is now: no cursor must come to its end without having seen it there. */
  #comeBack(node: number): void {
    const cell = this.#grid.cellOf[node]!;
    if (cell < 0 || !this.#placer.hasRoom(this.#work, node)) return;
    const square = cell >> 12;
    if (this.#placer.strategy === 'spread') {
      this.#moved[square] = 1;
      if (this.#candidate[square] === NONE) this.#candidate[square] = UNKNOWN;
    } else if (this.#work.plain) {
      // At once: the next portion goes where it is best then.
      const column = cell & (LEVELS - 1);
      this.#open[(cell >> 6) * 2 + (column >> 5)]! |= 1 << (column & 31);
      if (this.#candidate[square] === NONE) this.#candidate[square] = UNKNOWN;
    } else {
      // When all others have had their turn: work with constraints is better off on many nodes.
      this.#returns = true;
    }
  }

  /** The square whose candidate is best; -1 if nothing is left anywhere. */
  #bestSquare(): number {
    const { classes, preference, forbidsWide, needsWide, spreadWide, penaltiesWide, crosses } = this.#work;
    const still = forbidsWide.length + needsWide.length + spreadWide.length === 0;
    const { first } = this.#placer.model.classes;
    for (;;) {
      let best = -1;
      let bestPreference = -Infinity;
      let bestPenalty = Infinity;
      for (let at = 0; at < classes.length; at++) {
        const nodeClass = classes[at]!;
        const preferred = preference[nodeClass]!;
        if (preferred < bestPreference) break;
        const used = nodeClass * 2;
        if (this.#candidate[used] === NONE && this.#candidate[used + 1] === NONE) continue;
        if (!still && !this.#placer.wideAllows(this.#work, first[nodeClass]!)) continue;
        const penalty = penaltiesWide.length === 0 ? 0 : widePenaltyOf(this.#work, first[nodeClass]!);
        if (penalty > bestPenalty) continue;
        for (let square = used; square <= used + 1; square++) {
          const candidate = this.#candidate[square]!;
          if (candidate === NONE) continue;
          if (crosses && candidate >= 0 && !this.#takes(square, candidate)) this.#candidate[square] = UNKNOWN;
          if (this.#candidate[square] === UNKNOWN && !this.#advance(square)) continue;
          if (best >= 0 && penalty === bestPenalty && !this.#isBetter(square, best)) continue;
          best = square;
          bestPreference = preferred;
          bestPenalty = penalty;
        }
      }
      if (best >= 0 || !this.#again()) return best;
    }
  }

  /**
   * Of two squares that are equally preferred: the one whose candidate has the smaller penalty, then one of nodes in use, and then,
   * packed, the one of the class that has most left: if zones fill evenly, work that must be even over them, or that may go to one
   * only, finds room to the end. Spread: the one whose candidate has most left.
   */
  #isBetter(square: number, than: number): boolean {
    if (this.#level[square] !== this.#level[than]) return this.#level[square]! < this.#level[than]!;
    if (this.#placer.strategy === 'spread') return this.#score[square]! < this.#score[than]!;
    if ((square & 1) !== (than & 1)) return (square & 1) === 0;
    return this.#placer.left(square >> 1) > this.#placer.left(than >> 1);
  }

  /** Whether a place that was refused may be free by now: then every cursor begins anew. */
  #again(): boolean {
    if (!this.#returns && !(this.#work.revisits && this.#placed)) return false;
    this.#returns = this.#placed = false;
    this.#beginAll();
    return true;
  }

  #beginAll(): void {
    const { classes, leastPenalty } = this.#work;
    for (let at = 0; at < classes.length; at++) {
      this.#begin(classes[at]! * 2, leastPenalty);
      this.#begin(classes[at]! * 2 + 1, leastPenalty);
    }
  }

  #begin(square: number, level: number): void {
    this.#open.fill(0xffffffff, square * LEVELS * 2, (square + 1) * LEVELS * 2);
    this.#pointer[square] = -1;
    this.#candidate[square] = UNKNOWN;
    this.#level[square] = level;
    this.#nextLevel[square] = Infinity;
    this.#moved[square] = 0;
  }

  /** Moves the cursor to the next node that takes a piece; false if there is none, and then there is none for the rest of the run. */
  #advance(square: number): boolean {
    for (;;) {
      for (let node = this.#pointer[square]!; node >= 0; ) {
        const next = this.#grid.next[node]!;
        if (this.#takes(square, node)) {
          this.#pointer[square] = next;
          this.#candidate[square] = node;
          this.#score[square] = scoreOf(this.#placer, this.#work, node);
          return true;
        }
        node = next;
      }
      const cell =
        this.#placer.strategy === 'pack' && (square & 1) === 0 ? this.#tightestCell(square) : this.#roomiestCell(square);
      this.#pointer[square] = cell < 0 ? -1 : this.#grid.heads[cell]!;
      if (cell >= 0) continue;
      const next = this.#nextLevel[square]!;
      const moved = this.#moved[square] === 1;
      if (next === Infinity && !moved) {
        this.#candidate[square] = NONE;
        return false;
      }
      // What was passed over for its penalty is looked at now, or what has moved to a cell that was done.
      this.#begin(square, moved ? this.#level[square]! : next);
    }
  }

  #takes(square: number, node: number): boolean {
    const work = this.#work;
    if (!this.#placer.hasRoom(work, node) || !this.#placer.hereAllows(work, node)) return false;
    const penalty = penaltyOf(work, node);
    if (penalty <= this.#level[square]!) return true;
    if (penalty < this.#nextLevel[square]!) this.#nextLevel[square] = penalty;
    return false;
  }

  /** The cell with least to waste that the cursor has not been in; -1 if there is none. */
  #tightestCell(square: number): number {
    const grid = this.#grid;
    let bestRow = -1;
    let bestColumn = -1;
    let bestWaste = Infinity;
    for (let half = this.#cpuLevel >> 5; half < 2; half++) {
      let rows = grid.rows[square * 2 + half]!;
      if (half === this.#cpuLevel >> 5) rows = (rows >>> (this.#cpuLevel & 31)) << (this.#cpuLevel & 31);
      for (; rows !== 0; rows &= rows - 1) {
        const row = half * 32 + 31 - Math.clz32(rows & -rows);
        const left = SHARES[row]! - this.#cpuShare;
        if (left >= bestWaste) break;
        // In a row the waste is least where memory is left as much as cpu, and grows to both sides.
        const even = levelOfShare(left + this.#memoryShare);
        const at = square * LEVELS + row;
        const above = grid.columnFrom(at, Math.max(even, this.#memoryLevel), this.#open);
        if (above >= 0) {
          const wasted = waste(left, SHARES[above]! - this.#memoryShare);
          if (wasted < bestWaste) [bestWaste, bestRow, bestColumn] = [wasted, row, above];
        }
        const below = grid.columnTo(at, even - 1, this.#open);
        if (below >= this.#memoryLevel) {
          const wasted = waste(left, SHARES[below]! - this.#memoryShare);
          if (wasted < bestWaste) [bestWaste, bestRow, bestColumn] = [wasted, row, below];
        }
      }
    }
    return this.#close(square, bestRow, bestColumn);
  }

  /** The cell with most room that the cursor has not been in; -1 if there is none. */
  #roomiestCell(square: number): number {
    const grid = this.#grid;
    // Spread, rows and columns say how idle a node is, not how much it has: any may be enough.
    const pack = this.#placer.strategy === 'pack';
    const values = pack ? SHARES : IDLENESS;
    const lowestRow = pack ? this.#cpuLevel : 0;
    const lowestColumn = pack ? this.#memoryLevel : 0;
    let bestRow = -1;
    let bestColumn = -1;
    let bestRoom = -Infinity;
    for (let half = 1; half >= lowestRow >> 5; half--) {
      for (let rows = grid.rows[square * 2 + half]!; rows !== 0; ) {
        const bit = 31 - Math.clz32(rows);
        rows &= ~(1 << bit);
        const row = half * 32 + bit;
        if (row < lowestRow || values[row]! + values[LEVELS - 1]! <= bestRoom) break;
        const column = grid.columnTo(square * LEVELS + row, LEVELS - 1, this.#open);
        if (column < lowestColumn) continue;
        const room = values[row]! + values[column]!;
        if (room > bestRoom) [bestRoom, bestRow, bestColumn] = [room, row, column];
      }
    }
    return this.#close(square, bestRow, bestColumn);
  }

  #close(square: number, row: number, column: number): number {
    if (row < 0) return -1;
    const at = square * LEVELS + row;
    this.#open[at * 2 + (column >> 5)]! &= ~(1 << (column & 31));
    return at * LEVELS + column;
  }
}

/** How little of a node is taken, by level: 0 = nothing, -1 = all. */
const IDLENESS = Float64Array.from(SHARES, (_, level) => -SHARES[LEVELS - 1 - level]!);

/** Candidates that are no nodes: not looked for yet, and none left. */
const UNKNOWN = -2;
const NONE = -1;
