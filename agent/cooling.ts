/**
 * Holds back steps that are to be done again right after they were done, longer each time, so that what can't succeed doesn't spin. A step that differs from
 * the last one of its key is never held back.
 */
export interface Cooling {
  /** Until when the step has to wait, ms since the epoch; undefined: it may be done now. */
  heldUntil(key: string, step: unknown): number | undefined;
  /** Was its last step done so lately that the same one would wait? */
  holds(key: string): boolean;
  /** It was done, well or badly. */
  done(key: string, step: unknown): void;
}

export interface CoolingOptions {
  readonly now: () => number;
  readonly firstMs: number;
  /** What has not been done for twice as long is forgotten. */
  readonly maxMs: number;
}

interface Held {
  readonly written: string;
  readonly times: number;
  readonly endedAt: number;
  readonly until: number;
}

const KEYS_MAX = 1000;

export function cooling({ now, firstMs, maxMs }: CoolingOptions): Cooling {
  const held = new Map<string, Held>();
  /** What seems to have ended later than now waits for nothing: the clock was set back. */
  const heldNow = (key: string) => {
    const [last, at] = [held.get(key), now()];
    return last && last.endedAt <= at && at < last.until ? last : undefined;
  };
  return {
    heldUntil(key, step) {
      const last = heldNow(key);
      return last?.written === JSON.stringify(step) ? last.until : undefined;
    },
    holds: (key) => heldNow(key) !== undefined,
    done(key, step) {
      const at = now();
      const written = JSON.stringify(step);
      const last = held.get(key);
      const again = last?.written === written && at - last.endedAt < maxMs * 2;
      const times = again ? last.times + 1 : 0;
      held.set(key, { written, times, endedAt: at, until: at + Math.min(firstMs * 2 ** times, maxMs) });
      if (held.size > KEYS_MAX) for (const [other, { until }] of held) if (until < at) held.delete(other);
    },
  };
}
