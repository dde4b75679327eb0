import { setTimeout as pause } from 'node:timers/promises';
import type { Timing } from '../core/keyspace/timing.ts';
import type { Clock } from '../core/ports/clock.ts';

/** The machine's time and chance. */
export function systemTiming(clock: Clock = { now: () => Date.now() }): Timing {
  return {
    now: () => clock.now(),
    elapsed: () => performance.now(),
    pause: (ms) => pause(ms),
    random: () => Math.random(),
  };
}
