/** The messages of a client's stream, waiting for the method to take them. */
export class Inbox<T> implements AsyncIterableIterator<T> {
  readonly #onTaken: (bytes: number) => void;
  #items: { readonly message: T; readonly bytes: number }[] = [];
  #ended = false;
  #wake: ((result: IteratorResult<T>) => void) | undefined;

  /** `onTaken`: the client may send as much again. */
  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken;
  }

  push(message: T, bytes: number): void {
    if (this.#ended) return this.#onTaken(bytes);
    const wake = this.#wake;
    this.#wake = undefined;
    if (!wake) this.#items.push({ message, bytes });
    else {
      this.#onTaken(bytes);
      wake({ done: false, value: message });
    }
  }

  /** After what is there. */
  end(): void {
    this.#ended = true;
    this.#wake?.({ done: true, value: undefined });
    this.#wake = undefined;
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#items.shift();
    if (item) {
      this.#onTaken(item.bytes);
      return Promise.resolve({ done: false, value: item.message });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.#items = [];
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
