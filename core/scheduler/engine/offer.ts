/** A piece that is larger than what is missing is taken alone if it is no more than this times larger. */
const LOOSE = 1.5;

/**
 * The pieces of one node that may be given away, and how much each of them frees. Chosen are few: the one that comes nearest to what is still
 * missing. Filled again for each node; makes no objects.
 */
export class Offer {
  /** First what was given, then what is on offer. */
  #pieces = new Int32Array(256);
  #amounts = new Float64Array(256);
  #given = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#given = this.#count = 0;
  }

  add(piece: number, amount: number): void {
    if (this.#count === this.#pieces.length) this.#grow();
    this.#pieces[this.#count] = piece;
    this.#amounts[this.#count++] = amount;
  }

  piece(at: number): number {
    return this.#pieces[at]!;
  }

  amount(at: number): number {
    return this.#amounts[at]!;
  }

  /** Where the least is that is enough, if that isn't far too much, or else the largest one; -1 = nothing is on offer. */
  choose(missing: number): number {
    let enough = -1;
    let below = -1;
    let enoughAmount = Infinity;
    let belowAmount = 0;
    for (let at = this.#given; at < this.#count; at++) {
      const amount = this.#amounts[at]!;
      if (amount >= missing) {
        if (amount < enoughAmount) [enough, enoughAmount] = [at, amount];
      } else if (amount > belowAmount) [below, belowAmount] = [at, amount];
    }
    return enough >= 0 && (below < 0 || enoughAmount <= LOOSE * missing) ? enough : below;
  }

  /** The piece is no longer on offer: nobody takes it. */
  withdraw(at: number): void {
    this.#swap(at, --this.#count);
  }

  give(at: number): void {
    this.#swap(at, this.#given++);
  }

  /** What was given. */
  given(): Int32Array {
    return this.#pieces.subarray(0, this.#given);
  }

  #swap(at: number, other: number): void {
    const piece = this.#pieces[at]!;
    const amount = this.#amounts[at]!;
    this.#pieces[at] = this.#pieces[other]!;
    this.#amounts[at] = this.#amounts[other]!;
    this.#pieces[other] = piece;
    this.#amounts[other] = amount;
  }

  #grow(): void {
    const pieces = new Int32Array(this.#count * 2);
    const amounts = new Float64Array(this.#count * 2);
    pieces.set(this.#pieces);
    amounts.set(this.#amounts);
    this.#pieces = pieces;
    this.#amounts = amounts;
  }
}
