/**
 * A token bucket told by one number, the "theoretical arrival time" (GCRA, ITU-T I.371): when the bucket will be full again.
 * A store needs only a compare-and-set on it.
 */
export interface BucketSize {
  /** How many at once. */
  readonly burst: number;
  /** One more every so many ms. */
  readonly refillMs: number;
}

export type BucketAnswer =
  /** Allowed: `fullAt` is to be kept. */
  { readonly allowed: true; readonly fullAt: number } | { readonly allowed: false; readonly retryAfterMs: number };

/** `fullAt` as kept (undefined = never used), times in ms since the epoch. */
export function takeToken(size: BucketSize, fullAt: number | undefined, now: number): BucketAnswer {
  // A clock that was set back must not lock anyone out for longer than an empty bucket does.
  const next = Math.min(Math.max(fullAt ?? now, now), now + size.burst * size.refillMs) + size.refillMs;
  const wait = next - now - size.burst * size.refillMs;
  return wait > 0 ? { allowed: false, retryAfterMs: wait } : { allowed: true, fullAt: next };
}
