/** First in, first out, both in constant time: an array's own shift moves all that follows, and a slice copies it. */
export class Queue<T> implements Iterable<T> {
  #items: (T | undefined)[] = [];
  #taken = 0;

  get length(): number {
    return this.#items.length - this.#taken;
  }

  get first(): T | undefined {
    return this.#items[this.#taken];
  }

  get last(): T | undefined {
    return this.length > 0 ? this.#items.at(-1) : undefined;
  }

  at(index: number): T | undefined {
    return this.#items[this.#taken + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#taken];
    this.#items[this.#taken++] = undefined;
    // So seldom that each is moved once, on average.
    if (this.#taken * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }

  /** Those from the `index`th on. */
  from(index: number): T[] {
    return this.#items.slice(this.#taken + index) as T[];
  }

  clear(): void {
    this.#items = [];
    this.#taken = 0;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.from(0).values();
  }
}
