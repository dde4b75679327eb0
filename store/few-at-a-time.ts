/** Results of `start(0)` to `start(count - 1)` in order, of which up to `width` are under way at once. The first error ends it. */
export async function* inOrder<T>(count: number, width: number, start: (index: number) => Promise<T>): AsyncGenerator<T> {
  const ahead: Promise<T>[] = [];
  for (let index = 0; index < count + width; index++) {
    if (index < count) {
      const result = start(index);
      // Whoever takes it gets its error.
      result.catch(() => {});
      ahead.push(result);
    }
    if (index >= width - 1 && ahead.length > 0) yield await ahead.shift()!;
  }
}

/** Lets up to `width` tasks go on at once. */
export class Lanes {
  readonly #width: number;
  readonly #running = new Set<Promise<void>>();

  constructor(width: number) {
    this.#width = width;
  }

  /** Resolves when there was room for the task and it was begun. May throw the error of an earlier one; `end` does for certain. */
  async add(task: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#width) await Promise.race(this.#running);
    const running = task();
    this.#running.add(running);
    running.then(
      () => this.#running.delete(running),
      // It stays, so that whoever waits next gets its error.
      () => {},
    );
  }

  /** Resolves when all have ended. */
  async end(): Promise<void> {
    await Promise.all(this.#running);
  }
}
