import type { Schedule } from '../../core/ports/schedule.ts';
import { around, retryDelay } from '../uplink/jitter.ts';

export interface FollowingOptions {
  /** Reads what is new. */
  readonly catchUp: () => Promise<void>;
  readonly pushConnected: () => boolean;
  /** ms that only go forward. */
  readonly elapsed: () => number;
  readonly random: () => number;
  readonly schedule: Schedule;
  readonly signal: AbortSignal;
  /** Follow even when nobody uses the store. */
  readonly always: boolean;
}

/** A store that nobody has used for that long is not followed any more, ms. */
const IDLE_MS = 60_000;
/** While commits are told over the push connection: looked at all the same, and the control plane reminded of us, ms. */
const HINTED_MS = 4 * 60_000;
/** Without a push connection, ms. */
const POLLED_MS = 3_000;

/**
 * Keeps the copy up to date, but only while somebody uses the store: an idle host asks nothing and is told nothing. While it follows,
 * the control plane tells it of each commit; without a push connection it looks every few seconds.
 */
export class Following {
  readonly #options: FollowingOptions;
  #holders = 0;
  #usedAt = Number.NEGATIVE_INFINITY;
  #running = false;
  #wake = new AbortController();
  /** When the control plane was last asked to tell us; undefined: not over the present connection. */
  #askedAt: number | undefined;
  #first: Promise<void> | undefined;
  #looked = false;

  constructor(options: FollowingOptions) {
    this.#options = options;
    if (options.always) void this.use();
  }

  get active(): boolean {
    return this.#running;
  }

  /** Somebody uses the store now: true if the copy is kept up to date already, so that there is nothing to wait for. */
  touch(): boolean {
    this.#usedAt = this.#options.elapsed();
    return this.#looked && this.#running;
  }

  /** Somebody uses the store now. Resolves when the copy was brought up to date after a pause, or that failed; at once else. */
  async use(): Promise<void> {
    this.#usedAt = this.#options.elapsed();
    if (!this.#running) void this.#run();
    await this.#first;
  }

  /** Somebody uses the store until the answer is called. */
  hold(): () => void {
    this.#holders++;
    void this.use();
    return () => {
      this.#holders--;
      this.#usedAt = this.#options.elapsed();
    };
  }

  /** The control plane should be asked to tell of commits with the next read. */
  wantsHints(): boolean {
    if (!this.#running || !this.#options.pushConnected()) return false;
    const { elapsed } = this.#options;
    return this.#askedAt === undefined || elapsed() - this.#askedAt >= HINTED_MS - 1_000;
  }

  /** A read that asked for hints was answered. */
  asked(): void {
    if (this.#options.pushConnected()) this.#askedAt = this.#options.elapsed();
  }

  /** There is a new push connection, or the control plane is back. */
  reconnected(): void {
    this.#askedAt = undefined;
    this.news();
  }

  /** There is something new that we don't have. */
  news(): void {
    if (this.#running) this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { signal, random } = this.#options;
    this.#running = true;
    let failures = 0;
    try {
      while (!signal.aborted && this.#isWanted()) {
        this.#wake = new AbortController();
        const look = this.#look();
        this.#first ??= look.then(() => undefined);
        failures = (await look) ? 0 : failures + 1;
        this.#looked = true;
        const wait = failures > 0 ? Math.min(retryDelay(failures - 1, random), 10_000) : around(this.#pauseMs(), random);
        await this.#pause(wait, this.#wake.signal);
      }
    } finally {
      this.#running = false;
      this.#first = undefined;
      this.#looked = false;
      this.#askedAt = undefined;
    }
  }

  #pause(ms: number, wake: AbortSignal): Promise<void> {
    const { schedule, signal } = this.#options;
    return new Promise((resolve) => {
      if (signal.aborted || wake.aborted) return resolve();
      const done = () => {
        cancel();
        for (const each of [signal, wake]) each.removeEventListener('abort', done);
        resolve();
      };
      const cancel = schedule(ms, done);
      for (const each of [signal, wake]) each.addEventListener('abort', done, { once: true });
    });
  }

  async #look(): Promise<boolean> {
    try {
      await this.#options.catchUp();
      return true;
    } catch {
      return false;
    }
  }

  #pauseMs(): number {
    if (!this.#options.pushConnected()) return POLLED_MS;
    return this.#holders > 0 || this.#options.always ? HINTED_MS : IDLE_MS;
  }

  #isWanted(): boolean {
    const { always, elapsed } = this.#options;
    return always || this.#holders > 0 || elapsed() - this.#usedAt < IDLE_MS;
  }
}
