import type { MiddlewareHandler } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';

export interface AdmissionOptions {
  /** Requests that are worked on at the same time. */
  readonly atOnce: number;
  /** Others wait so long for their turn, ms, and are then told to come back. */
  readonly waitMs: number;
  /** Those that last, such as streams, and would keep others out. */
  readonly exempt: (path: string) => boolean;
}

/**
 * Takes requests in the order in which they come, a few at a time. When thousands of hosts come at once (the server was started anew), all
 * would otherwise wait for the store together, time out together, and come again together.
 */
export function admission({ atOnce, waitMs, exempt }: AdmissionOptions): MiddlewareHandler {
  const waiting = new Set<() => void>();
  let running = 0;

  function turn(): Promise<boolean> {
    if (running < atOnce) {
      running++;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const enter = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        waiting.delete(enter);
        resolve(false);
      }, waitMs);
      waiting.add(enter);
    });
  }

  /** The place goes to who waits longest. */
  function leave(): void {
    const [next] = waiting;
    if (!next) running--;
    else {
      waiting.delete(next);
      next();
    }
  }

  return async (c, next) => {
    if (exempt(c.req.path)) return next();
    if (!(await turn())) throw new TerraneError('unavailable', 'Too many hosts ask at once.', { retryAfter: 5 });
    try {
      await next();
    } finally {
      leave();
    }
  };
}
