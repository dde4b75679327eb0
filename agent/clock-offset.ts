import type { Clock } from '../core/ports/clock.ts';

/**
 * The control plane's time as far as this host knows it. A host with a wrong clock learns the difference from the control plane
 * and signs with it; the clock itself is left alone.
 */
export interface ServerTime {
  /** ms since the epoch, the control plane's. */
  readonly now: () => number;
  /** A time by this host's clock in the control plane's. */
  readonly fromHost: (at: number) => number;
  /** RFC 3339 with seconds of a time by this host's clock. */
  readonly text: (at: number) => string;
  /** The control plane said what time it is. Returns by how much the host's clock was off, ms. */
  readonly learn: (serverNow: number) => number;
  /** An answer told the time, to the second. Nothing is signed differently for that: it is for people to know. */
  readonly observe: (serverNow: number) => void;
  /** By how much this host's clock was ahead when last observed, ms, to about a second; undefined: nobody has told the time yet. */
  readonly ahead: () => number | undefined;
}

export function serverTime(clock: Clock): ServerTime {
  let offset = 0;
  let ahead: number | undefined;
  return {
    observe(serverNow) {
      ahead = clock.now() - serverNow;
    },
    ahead: () => ahead,
    now: () => clock.now() + offset,
    fromHost: (at) => at + offset,
    text: (at) => `${new Date(at + offset).toISOString().slice(0, 19)}Z`,
    learn(serverNow) {
      offset = serverNow - clock.now();
      return -offset;
    },
  };
}
