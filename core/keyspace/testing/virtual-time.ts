import type { Timing } from '../timing.ts';

/** Time that passes only when everyone waits for it: simulations of minutes run in moments, the same way under the same seed. */
export class VirtualTime implements Timing {
  #nowMs = 0;
  #sleepers: { readonly at: number; readonly order: number; readonly wake: () => void }[] = [];
  #order = 0;
  #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  now(): number {
    return this.#nowMs;
  }

  elapsed(): number {
    return this.#nowMs;
  }

  pause(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#sleepers.push({ at: this.#nowMs + Math.max(0, ms), order: this.#order++, wake });
    });
  }

  /** mulberry32: small, and good enough for jitter. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** The clock jumps while nobody gets to run: a frozen machine. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  /** Lets time pass until `work` is done. Throws if it waits for something that time doesn't bring. */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const finished = work.finally(() => {
      done = true;
    });
    // Whoever awaits `finished` below gets its error.
    finished.catch(() => {});
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return finished;
      const next = this.#sleepers.reduce(
        (a, b) => (b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a),
        this.#sleepers[0]!,
      );
      if (!next) throw new Error('everything waits, and not for time');
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.#nowMs = Math.max(this.#nowMs, next.at);
      next.wake();
    }
  }
}
