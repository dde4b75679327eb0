import { setTimeout as delay } from 'node:timers/promises';

export interface EventuallyOptions {
  /** How long to try, ms. A limit on hanging, not an expectation of speed. */
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** Runs `check` until it no longer throws, and returns its result. On time-out throws its last error, with what was waited for. */
export async function eventually<T>(what: string, check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 30_000);
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`gave up waiting until ${what}: ${(error as Error).message}`, { cause: error });
    }
    await delay(options.everyMs ?? 100);
  }
}
