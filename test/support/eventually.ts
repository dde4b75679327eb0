import { setTimeout as delay } from 'node:timers/promises';

export interface EventuallyOptions {
  /** How long to try, ms. A limit on hanging, not an expectation of speed. */
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** What may explain that something doesn't happen, asked when it is given up: logs of programs beside the test. */
const explanations = new Set<() => string>();

/** Has `explain` asked whenever `eventually` gives up, until the function that it returns is called. */
export function explainBy(explain: () => string): () => void {
  explanations.add(explain);
  return () => void explanations.delete(explain);
}

/** Runs `check` until it no longer throws, and returns its result. On time-out throws its last error, with what was waited for and what explains it. */
export async function eventually<T>(what: string, check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 30_000);
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) {
        const message = [`gave up waiting until ${what}: ${(error as Error).message}`, ...[...explanations].map((one) => one())];
        throw new Error(message.join('\n\n'), { cause: error });
      }
    }
    await delay(options.everyMs ?? 100);
  }
}
