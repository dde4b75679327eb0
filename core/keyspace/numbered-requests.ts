import { Queue } from './queue.ts';
import type { Revision } from './types.ts';

/**
 * Requests whose ids differ in their number alone, as a host's do: numbers, without a string or an object for each. They come in order mostly, so most
 * are found to be new by one comparison, and forgotten from the front of a queue.
 */
export class NumberedRequests {
  /** What the ids have before their number. */
  readonly text: string;
  /** Ascending, and the revision of each. */
  readonly #numbers = new Queue<number>();
  readonly #revisions = new Queue<Revision>();
  /** Those that came after one with a greater number. */
  readonly #late = new Map<number, Revision>();

  constructor(text: string) {
    this.text = text;
  }

  get empty(): boolean {
    return this.#numbers.length === 0 && this.#late.size === 0;
  }

  get(number: number): Revision | undefined {
    const { last } = this.#numbers;
    if (last === undefined || number > last) return this.#late.get(number);
    let [from, to] = [0, this.#numbers.length - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#numbers.at(middle)! < number) from = middle + 1;
      else to = middle;
    }
    return this.#numbers.at(from) === number ? this.#revisions.at(from) : this.#late.get(number);
  }

  /** One that isn't here. */
  add(number: number, revision: Revision): void {
    const { last } = this.#numbers;
    if (last !== undefined && number <= last) {
      this.#late.set(number, revision);
      return;
    }
    this.#numbers.push(number);
    this.#revisions.push(revision);
  }

  /** The one that was added first of those that are here. */
  forget(number: number): void {
    if (this.#numbers.first !== number) {
      this.#late.delete(number);
      return;
    }
    this.#numbers.shift();
    this.#revisions.shift();
  }
}
