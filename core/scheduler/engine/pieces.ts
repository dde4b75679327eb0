/** One piece of each class that is on a node, and how many of it are. Filled again for each node; makes no objects. */
export class Pieces {
  readonly pieces: Int32Array;
  readonly workOf: Int32Array;
  readonly counts: Int32Array;
  /** Class -> where it is in these. */
  readonly #at: Int32Array;
  /** Class -> when it was last seen. */
  readonly #seen: Int32Array;
  #turn = 0;
  count = 0;
  leastLean = 0;

  constructor(classes: number) {
    this.pieces = new Int32Array(classes);
    this.workOf = new Int32Array(classes);
    this.counts = new Int32Array(classes);
    this.#at = new Int32Array(classes);
    this.#seen = new Int32Array(classes);
  }

  clear(): void {
    this.#turn++;
    this.count = 0;
    this.leastLean = 0;
  }

  add(piece: number, index: number, lean: number): void {
    if (this.#seen[index] === this.#turn) {
      this.counts[this.#at[index]!]!++;
      return;
    }
    this.#seen[index] = this.#turn;
    this.pieces[this.count] = piece;
    this.workOf[this.count] = index;
    this.counts[this.count] = 1;
    this.#at[index] = this.count;
    this.count++;
    if (lean < this.leastLean) this.leastLean = lean;
  }
}
