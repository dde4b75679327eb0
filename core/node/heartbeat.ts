import { nodeTimeout } from './node-timeout.ts';

/** When a host was heard of, and when it said that it would be heard of again. */
export interface Heartbeat {
  /** Its last report was received, ms since the epoch. */
  readonly at: number;
  /** Of one that was measured: since its last report time was missed, so it may be silent for longer (core/node/listening.ts). Undefined: `at` is all that is known. */
  readonly moved?: boolean;
  /** It is going to report again within so many seconds, give or take a fifth. Undefined: as often as a lease asks. */
  readonly withinSeconds?: number;
  /** So long after `at` its fenced work has surely ended, seconds. Undefined: the host timeout. */
  readonly leaseSeconds?: number;
  /** Its push connection ended then, ms since the epoch, and it has not reported since. */
  readonly lostAt?: number;
  /**
   * Hosts that it suspects to be gone, and when they hadn't answered it at the latest, ms since the epoch. Undefined: its agent is from before hosts
   * were watched, or asked.
   */
  readonly suspects?: readonly { readonly node: string; readonly since: number }[];
}

export interface SilenceSettings {
  readonly renewSeconds: number;
  readonly notReadySeconds: number;
}

/** Hosts spread their reports by a fifth. */
const SPREAD = 1.2;

/**
 * From when on a host counts as silent, ms since the epoch. One that reports every few minutes is watched by its push connection: when
 * that ends it reports at once, or is gone; and by its peers: when it was asked for a report (`askedAt`) because they suspect that it is gone, it
 * has node-timeout.ts's time for it. One with fenced work (`fencedSince`: when the last of it was placed there) renews its lease, whatever it
 * said before.
 */
export function silentAt(
  heartbeat: Heartbeat,
  settings: SilenceSettings,
  { fencedSince, askedAt }: { readonly fencedSince?: number | undefined; readonly askedAt?: number | undefined } = {},
): number {
  const { at, lostAt } = heartbeat;
  const timeout = settings.notReadySeconds * 1000;
  const asked = askedAt === undefined || askedAt <= at ? Infinity : askedAt + nodeTimeout(settings).answerMs;
  if (lostAt !== undefined && lostAt >= at) return Math.min(lostAt + timeout, asked);
  const until = at + promisedMs(heartbeat, settings) + timeout;
  return Math.min(until, fencedSince === undefined ? Infinity : Math.max(at, fencedSince) + timeout, asked);
}

/** So long it may be silent before its time is running, ms; 0: its time is always running. */
export function promisedMs({ withinSeconds }: Heartbeat, { renewSeconds }: SilenceSettings): number {
  return withinSeconds === undefined || withinSeconds <= renewSeconds ? 0 : withinSeconds * 1000 * SPREAD;
}

/** The control plane's machines agree on the time so well, ms. */
const CLOCKS_MS = 2_000;
/** No report is that long on its way into the store, ms. What seems so comes from a clock that was set back. */
const ON_ITS_WAY_MS = 300_000;

/**
 * Where a heartbeat lies that is later than `at` (ms since the epoch), but earlier than this, a report received at `at` must not take it back: the host's
 * lease was renewed since, and would outlast the control plane's count. Its write was slow, or came again; or its clock is behind.
 */
export function overtakenUntil(at: number): number {
  return at + ON_ITS_WAY_MS;
}

/** Which of the two came later, no clock can tell: what the one that is written last says of the host holds, from the later time on. */
export function atOnce(at: number, laterAt: number): boolean {
  return laterAt - at <= CLOCKS_MS;
}
