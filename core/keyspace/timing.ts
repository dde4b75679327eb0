import type { Clock } from '../ports/clock.ts';

/** Time and chance as arguments. */
export interface Timing extends Clock {
  /** Milliseconds, with fractions, that only go forward: for measuring. */
  elapsed(): number;
  /** Resolves after that many milliseconds. */
  pause(ms: number): Promise<void>;
  /** 0 <= x < 1. */
  random(): number;
}

/** Stands still and never waits: for keyspaces that nobody else writes to. */
export const noTiming: Timing = { now: () => 0, elapsed: () => 0, pause: async () => {}, random: () => 0.5 };
