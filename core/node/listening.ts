/** The two clocks of a machine at the same moment, ms. */
export interface Reading {
  /** Since the epoch: what people and NTP set, and what goes on while the machine sleeps. */
  readonly wall: number;
  /** Of a clock that nobody sets, since any moment (performance.now()). It may stand while the machine sleeps. */
  readonly elapsed: number;
}

/** For how long a host has been silent, ms. */
export interface Unheard {
  /** It has not been heard for so long, as far as somebody listened. */
  readonly heardMsAgo: number;
  /** It has been without its push connection for so long, as far as somebody listened. */
  readonly lostMsAgo?: number;
  /** Time was missed since its last report, or that was to a process before this one: it may be silent for longer than is told. */
  readonly moved: boolean;
}

/** So often is to be looked at the clocks at least, ms. */
export const LOOK_MS = 1_000;
/** What comes later than that by so much was held up: a machine that is merely busy is there. */
const LATE_MS = 1_000;
/** Clocks that part by more between two looks were set, or the machine slept. A clock that NTP slews, by a tenth at most, doesn't. */
const STEP_MS = 1_000;
/** Who was away for less had time enough for all else: it must not wait anew each time, or a machine that is held up often would never come to an end. */
const AWAY_MS = 5_000;

interface Heard {
  at: number;
  lost: number | undefined;
  moved: boolean;
}

/**
 * How long hosts have been silent, for the process that hears all of them (docs/decisions/0029). It measures that instead of taking times of a clock
 * that can be set from one another, and leaves out the time in which it was not there itself: it stood still, or slept. What it was away for, it gives
 * hosts once more when it is back, up to their full time: one that found nobody for a while may wait as long before it tries again.
 *
 * All of this only ever makes a silence shorter than it truly is.
 */
export class Listening {
  #last: Reading;
  #since: number;
  /** All the time that was listened, ms. */
  #listened = 0;
  readonly #hosts = new Map<string, Heard>();
  /** Who was heard before this began may have been heard right before, and its connection is gone. */
  readonly #before: Heard = { at: 0, lost: 0, moved: true };

  constructor(started: Reading) {
    this.#last = started;
    this.#since = started.wall;
  }

  /**
   * Since when somebody listened without a longer break and by a clock that went steadily, ms since the epoch by that clock. Times from before
   * can't be told from one another: a wait that is to be safe, or fair to hosts, counts from then.
   */
  get since(): number {
    return this.#since;
  }

  /** Every LOOK_MS, and before anything else is done here: answers how much time was missed, ms. */
  look(reading: Reading): number {
    const passed = reading.elapsed - this.#last.elapsed;
    const stepped = reading.wall - this.#last.wall - passed;
    this.#last = reading;
    const stood = passed > LOOK_MS + LATE_MS ? passed - LOOK_MS : 0;
    this.#listened += passed - stood;
    const missed = stood + (stepped > STEP_MS ? stepped : 0);
    if (stood >= AWAY_MS || Math.abs(stepped) > STEP_MS) this.#since = reading.wall;
    if (missed > 0 || Math.abs(stepped) > STEP_MS)
      for (const host of [this.#before, ...this.#hosts.values()]) this.#giveBack(host, missed);
    return missed;
  }

  /** When `now()` was so. A report that was overtaken takes nothing back. */
  heard(host: string, at: number): void {
    const before = this.#hosts.get(host);
    const lost = before?.lost !== undefined && before.lost > at ? before.lost : undefined;
    this.#hosts.set(host, { at: Math.max(at, before?.at ?? at), lost, moved: false });
  }

  /** Its push connection ended. */
  lost(host: string): void {
    this.#hosts.set(host, { ...(this.#hosts.get(host) ?? this.#before), lost: this.#listened });
  }

  forget(host: string): void {
    this.#hosts.delete(host);
  }

  now(): number {
    return this.#listened;
  }

  /** As of `asOf`: below zero for a host that was heard since. */
  unheard(host: string, asOf: number): Unheard {
    const { at, lost, moved } = this.#hosts.get(host) ?? this.#before;
    return { heardMsAgo: asOf - at, ...(lost !== undefined && { lostMsAgo: asOf - lost }), moved };
  }

  #giveBack(host: Heard, missed: number): void {
    host.moved = true;
    host.at = Math.min(this.#listened, host.at + missed);
    if (host.lost !== undefined) host.lost = Math.min(this.#listened, host.lost + missed);
  }
}
