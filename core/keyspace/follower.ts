import type { Log } from './log.ts';
import type { Replica } from './replica.ts';
import type { Timing } from './timing.ts';

/** Keeps the replica current while somebody watches: by the log's notifications, or by looking from time to time. */
export class Follower {
  count = 0;
  readonly #log: Log;
  readonly #replica: Replica;
  readonly #pollMs: number | undefined;
  readonly #timing: Timing;
  readonly #onError: (error: unknown) => void;
  #unsubscribe: (() => void) | undefined;
  #polling = false;
  #stopped = false;

  constructor(log: Log, replica: Replica, pollMs: number | undefined, timing: Timing, onError: (error: unknown) => void) {
    this.#log = log;
    this.#replica = replica;
    this.#pollMs = pollMs;
    this.#timing = timing;
    this.#onError = onError;
  }

  join(): () => void {
    this.count++;
    this.#unsubscribe ??= this.#log.subscribe?.(() => void this.#sync());
    if (this.#pollMs !== undefined && !this.#polling) void this.#poll(this.#pollMs);
    return () => {
      this.count--;
      if (this.count === 0) this.#leave();
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#leave();
  }

  #leave(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  async #poll(everyMs: number): Promise<void> {
    this.#polling = true;
    while (this.count > 0 && !this.#stopped) {
      await this.#sync();
      await this.#timing.pause(everyMs);
    }
    this.#polling = false;
  }

  async #sync(): Promise<void> {
    try {
      await this.#replica.sync({ expectNews: true });
    } catch (error) {
      if (!this.#stopped) this.#onError(error);
    }
  }
}
