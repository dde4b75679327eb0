import type { Sequence } from './types.ts';

/**
 * Turn-taking among writers of one log, at no cost in items. Without it every writer's put fails until it is lucky, and whoever
 * has just won is the luckiest: it knows the new head first. With it, when the log is busy, writers go in order: the one whose
 * last commit is the oldest goes next. The log itself says who that is, so that all agree without talking.
 *
 * It is advice only. A wrong guess costs a failed put or a short wait, never correctness.
 */

/** A writer that hasn't committed for that many entries isn't waited for. */
const RECENT_ENTRIES = 512;
/** Their rate is taken over so many entries. */
const RATE_ENTRIES = 8;
/** The log is busy when commits take more than this share of the time. */
const BUSY_SHARE = 0.55;
/** Whoever commits without a pause that many times in a row can't see who loses to it, and leaves room for a moment. */
const RUN_MAX = 8;
/** Who goes next first sees the commit before its own, and then puts: so many puts' time from one to the next. */
const PERIOD_PUTS = 1.25;
const PUT_MS = { first: 5, max: 250 };
const WEIGHT = 0.2;
const BACKOFF_PERIODS_MAX = 8;
/** Who is late by so much more than usual is passed over. */
const SPREADS = 2;

interface Writer {
  last: Sequence;
  /** Others that were due later went before it: it has nothing to write, for now. */
  passedOver: boolean;
}

/** What to do before a put. `look`: read the log now; `probe`: do so again and again; `wait`: ask again after so long. */
export type Advice =
  | { readonly do: 'put' }
  | { readonly do: 'look' }
  | { readonly do: 'probe'; readonly everyMs: number }
  | { readonly do: 'wait'; readonly ms: number };

export class Turns {
  readonly #self: string;
  readonly #writers = new Map<string, Writer>();
  /** When we last knew the head: at the start of that read or put. Monotonic, as all times here. */
  #contactMs = 0;
  /** The newest entries: when we saw each, and whether it is another's. */
  readonly #recent: { readonly seenMs: number; readonly others: boolean }[] = [];
  #headSeenMs = 0;
  #putMs = PUT_MS.first;
  /** How much that varies. */
  #putSpreadMs = PUT_MS.first / 4;
  #lostSinceContact = false;
  #lossesInARow = 0;
  #run = 0;

  constructor(self: string) {
    this.#self = self;
  }

  /** An entry was applied. */
  observe(writer: string, sequence: Sequence, nowMs: number): void {
    const before = this.#writers.get(writer);
    if (before && !before.passedOver) {
      for (const other of this.#writers.values()) if (other.last < before.last) other.passedOver = true;
    }
    this.#writers.set(writer, { last: sequence, passedOver: false });
    for (const [name, { last }] of this.#writers) if (last <= sequence - RECENT_ENTRIES) this.#writers.delete(name);
    this.#headSeenMs = nowMs;
    this.#recent.push({ seenMs: nowMs, others: writer !== this.#self });
    if (this.#recent.length > RATE_ENTRIES) this.#recent.shift();
    if (writer !== this.#self) this.#run = 0;
  }

  /** The head was known at `sinceMs`, when the read or put that found out was sent. */
  contact(sinceMs: number): void {
    this.#lostSinceContact = false;
    this.#contactMs = Math.max(this.#contactMs, sinceMs);
  }

  /** A put of ours was answered. */
  answered(won: boolean, sentMs: number, nowMs: number): void {
    const tookMs = nowMs - sentMs;
    const error = Math.min(tookMs, PUT_MS.max) - this.#putMs;
    this.#putMs += error * WEIGHT;
    this.#putSpreadMs += (Math.abs(error) - this.#putSpreadMs) * WEIGHT;
    if (won) {
      this.#run++;
      this.#lossesInARow = 0;
    } else {
      this.#lostSinceContact = true;
      this.#lossesInARow++;
    }
  }

  advise(nowMs: number): Advice {
    // Even straight after a look what it told is one call old.
    const ageMs = nowMs - this.#contactMs;
    const outOfTouch = ageMs > this.#putMs * 3;
    if (outOfTouch && (this.#lostSinceContact || this.#rate(nowMs, true) * ageMs > 0.5)) return { do: 'look' };
    const ahead = this.#ahead(nowMs);
    if (ahead === 0) return { do: 'put' };
    // If those before us let their turns pass, it becomes ours after as many periods.
    const periodMs = this.#putMs * PERIOD_PUTS;
    const sinceMs = nowMs - this.#headSeenMs;
    if (sinceMs > ahead * periodMs + this.#putMs + this.#putSpreadMs * SPREADS) return { do: 'put' };
    const waitMs = (ahead - 1) * periodMs - sinceMs;
    return waitMs > 1 ? { do: 'wait', ms: waitMs } : { do: 'probe', everyMs: this.#putMs / 2 };
  }

  /** How long to hold back first, ms: mostly 0. */
  holdBackMs(nowMs: number, random: number): number {
    if (nowMs - this.#contactMs > this.#putMs * 2) this.#run = 0;
    if (this.#run >= RUN_MAX) {
      this.#run = 0;
      return this.#putMs * 0.75;
    }
    // New writers are expected by nobody, so that their puts meet others'; several of them should not meet again and again.
    if (this.#lossesInARow < 2 || this.#writers.has(this.#self)) return 0;
    return random * this.#putMs * Math.min(2 ** (this.#lossesInARow - 2), BACKOFF_PERIODS_MAX);
  }

  /** How many writers go before us. */
  #ahead(nowMs: number): number {
    if (this.#rate(nowMs, false) * this.#putMs < BUSY_SHARE) return 0;
    const own = this.#writers.get(this.#self)?.last ?? 0;
    let ahead = 0;
    for (const [name, { last, passedOver }] of this.#writers) {
      if (name !== this.#self && last < own && !passedOver) ahead++;
    }
    return ahead;
  }

  /** Entries a millisecond lately. */
  #rate(nowMs: number, othersOnly: boolean): number {
    const [oldest] = this.#recent;
    if (!oldest || this.#recent.length < RATE_ENTRIES) return 0;
    const count = othersOnly ? this.#recent.filter(({ others }) => others).length : this.#recent.length;
    return count / Math.max(1, nowMs - oldest.seenMs);
  }
}
