import { type BucketSize, bucketBounds, bucketWait } from './token-bucket.ts';

/**
 * Token buckets in a process's memory, for what costs less than a bucket in the store would: a limit for each process, not for all
 * together. Who has taken nothing lately takes no room.
 */
export class Buckets {
  readonly #size: BucketSize;
  readonly #max: number;
  /** When each will be full again, ms since the epoch. The one that was taken from longest ago first. */
  readonly #fullAt = new Map<string, number>();

  /** `max`: how many are remembered; beyond it the oldest are full again. */
  constructor(size: BucketSize, max = 10_000) {
    this.#size = size;
    this.#max = max;
  }

  /** How long until there is a token, ms; 0 = there is one. */
  wait(of: string, now: number): number {
    const fullAt = this.#fullAt.get(of);
    return fullAt === undefined ? 0 : Math.max(0, bucketWait(this.#size, this.#sane(fullAt, now), now));
  }

  /** Takes one, if there is one or not: what it is taken for has happened. */
  take(of: string, now: number): void {
    const { firstFullAt, emptyFullAt } = bucketBounds(this.#size, now);
    const fullAt = this.#fullAt.get(of) ?? now;
    this.#fullAt.delete(of);
    if (this.#fullAt.size >= this.#max) this.#fullAt.delete(this.#fullAt.keys().next().value!);
    this.#fullAt.set(of, Math.max(firstFullAt, Math.min(this.#sane(fullAt, now) + this.#size.refillMs, emptyFullAt)));
  }

  /** No bucket is emptier than empty, though the clock was set back. */
  #sane(fullAt: number, now: number): number {
    return Math.min(fullAt, bucketBounds(this.#size, now).emptyFullAt);
  }
}
