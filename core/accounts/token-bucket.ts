/**
 * A token bucket told by one number: `fullAt`, when the bucket will be full again (GCRA, ITU-T I.371). Taking a token moves it
 * one interval later. So a store needs no read: one conditional update, by the bounds below, takes a token.
 */
export interface BucketSize {
  /** How many at once. */
  readonly burst: number;
  /** One more every so many ms. */
  readonly refillMs: number;
}

export interface BucketBounds {
  /** fullAt < now, or none kept: the bucket is full, and taking one sets it to this. */
  readonly firstFullAt: number;
  /** now <= fullAt <= this: there is a token, and taking it adds `refillMs`. Above: empty. */
  readonly fullAtMax: number;
  /** No bucket is emptier than this, unless the clock was set back: then it is to be set to this. */
  readonly emptyFullAt: number;
}

/** Times in ms since the epoch. */
export function bucketBounds({ burst, refillMs }: BucketSize, now: number): BucketBounds {
  return { firstFullAt: now + refillMs, fullAtMax: now + (burst - 1) * refillMs, emptyFullAt: now + burst * refillMs };
}

/** How long until the next token, ms; never longer than one interval. */
export function bucketWait(size: BucketSize, fullAt: number, now: number): number {
  return Math.min(size.refillMs, fullAt - bucketBounds(size, now).fullAtMax);
}
