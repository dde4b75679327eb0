import type { Sequence } from './types.ts';

/**
 * Turn-taking among writers of one log, at no cost in items. Without it every writer's put fails until it is lucky; with it,
 * whoever met another writer goes in order: the one whose last commit is the oldest goes next. The log itself says who
 * that is, so that all agree without talking.
 *
 * It is advice only. A wrong guess costs a failed put or a short wait, never correctness.
 */

/** What is looked at: a writer that hasn't committed for that many entries isn't waited for. */
const RECENT_ENTRIES = 64;
/** After the last sign of another writer, go without waiting again, ms. */
const CONTENDED_FOR_MS = 1_000;
const PERIOD_MS = { first: 5, min: 0.2, max: 250 };
const PERIOD_WEIGHT = 0.2;

interface Writer {
  last: Sequence;
  /** Others that were due later went before it: it has nothing to write, for now. */
  passedOver: boolean;
}

export class Turns {
  readonly #self: string;
  readonly #writers = new Map<string, Writer>();
  #head: Sequence = 0;
  #contendedUntilMs = Number.NEGATIVE_INFINITY;
  #lastEntryMs = 0;
  #periodMs = PERIOD_MS.first;
  #lossesInARow = 0;

  constructor(self: string) {
    this.#self = self;
  }

  /** About how long one commit takes while writers contend, ms. */
  get periodMs(): number {
    return this.#periodMs;
  }

  /** An entry was applied. `nowMs` is monotonic. */
  observe(writer: string, sequence: Sequence, nowMs: number): void {
    if (this.contended(nowMs)) {
      const gap = (nowMs - this.#lastEntryMs) / Math.max(1, sequence - this.#head);
      const bounded = Math.min(PERIOD_MS.max, Math.max(PERIOD_MS.min, gap));
      this.#periodMs += (bounded - this.#periodMs) * PERIOD_WEIGHT;
      if (writer !== this.#self) this.#contendedUntilMs = nowMs + CONTENDED_FOR_MS;
    }
    if (writer === this.#self) this.#lossesInARow = 0;
    this.#lastEntryMs = nowMs;
    this.#head = sequence;
    const before = this.#writers.get(writer);
    if (before && !before.passedOver) {
      for (const other of this.#writers.values()) if (other.last < before.last) other.passedOver = true;
    }
    this.#writers.set(writer, { last: sequence, passedOver: false });
    for (const [name, { last }] of this.#writers) if (last <= sequence - RECENT_ENTRIES) this.#writers.delete(name);
  }

  /** Our put lost. */
  lost(nowMs: number): void {
    this.#lossesInARow++;
    this.#contendedUntilMs = nowMs + CONTENDED_FOR_MS;
  }

  contended(nowMs: number): boolean {
    return nowMs < this.#contendedUntilMs;
  }

  /**
   * How long to wait before looking at the log again, ms; undefined: it's our turn. If those before us let their turns pass, it
   * becomes ours after as many periods.
   */
  waitMs(nowMs: number): number | undefined {
    const ahead = this.#ahead(nowMs);
    if (ahead === 0) return undefined;
    const sinceMs = nowMs - this.#lastEntryMs;
    if (sinceMs > (ahead + 1) * this.#periodMs) return undefined;
    return Math.max(0, (ahead - 0.5) * this.#periodMs - sinceMs);
  }

  /**
   * How long to wait before a put although it's our turn, ms. Writers that nobody expects (new, or back from a pause) find all
   * others expecting someone else, and may be several: each further loss makes them wait longer, by chance.
   */
  backoffMs(random: number): number {
    if (this.#lossesInARow < 2) return 0;
    const writers = Math.max(2, this.#writers.size);
    return random * this.#periodMs * Math.min(writers, 2 ** (this.#lossesInARow - 1));
  }

  /** How many writers go before us. */
  #ahead(nowMs: number): number {
    if (!this.contended(nowMs)) return 0;
    const own = this.#writers.get(this.#self)?.last ?? 0;
    let ahead = 0;
    for (const [name, { last, passedOver }] of this.#writers) {
      if (name !== this.#self && last < own && !passedOver) ahead++;
    }
    return ahead;
  }
}
