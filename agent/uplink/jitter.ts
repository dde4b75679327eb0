/** Delays that keep many hosts from doing the same at the same time. `random` gives [0, 1). */

/** Full jitter: anything up to `firstMs` doubled with each failure, at most `longestMs`, at least a tenth of that. */
export function retryDelay(failures: number, random: () => number, firstMs = 1000, longestMs = 120_000): number {
  const limit = Math.min(firstMs * 2 ** Math.min(failures, 20), longestMs);
  return Math.round(limit * (0.1 + 0.9 * random()));
}

/** `ms` +-20 %. */
export function around(ms: number, random: () => number): number {
  return Math.round(ms * (0.8 + 0.4 * random()));
}
