import type { Context, MiddlewareHandler } from 'hono';
import { atLeast } from '../../../core/accounts/roles.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { Accounts } from '../../../store/accounts/accounts.ts';
import type { ApiEnv } from '../../context.ts';
import { credentialOf } from './credential.ts';
import { clusterFor } from './require-cluster.ts';

export interface WhileAllowedDeps {
  readonly accounts: Pick<Accounts, 'authenticate' | 'readCluster'>;
  /** How often to look. A few reads each time, and only for streams that last so long. */
  readonly everyMs?: number;
}

const EVERY_MS = 30_000;

/**
 * For /clusters/:cluster/*, after `requireCluster`. A watch or a log lasts for minutes to hours: it ends soon after what let it in was
 * revoked, has expired, or may no longer do this. Streams are known by the header with which they ask proxies not to hold them back.
 */
export function whileAllowed({ accounts, everyMs = EVERY_MS }: WhileAllowedDeps): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    await next();
    const { body, headers } = c.res;
    if (!body || headers.get('x-accel-buffering') !== 'no') return;
    c.res = new Response(
      endedWhen(body, () => isRefused(accounts, c), everyMs),
      c.res,
    );
  };
}

/** A store that doesn't answer just now is no refusal. */
async function isRefused(accounts: WhileAllowedDeps['accounts'], c: Context<ApiEnv>): Promise<boolean> {
  try {
    const { principal } = await accounts.authenticate(credentialOf(c));
    await clusterFor(accounts, principal, c);
    // What each request needs beyond that is its handler's: who has lost a part of what they had asks again.
    return !atLeast(principal.role, c.var.principal.role);
  } catch (error) {
    return error instanceof TerraneError && error.status < 500;
  }
}

function endedWhen(
  body: ReadableStream<Uint8Array>,
  refused: () => Promise<boolean>,
  everyMs: number,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const look = async () => {
    if (!(await refused())) return;
    clearInterval(timer);
    // Whoever waits for the next piece is told that there is none.
    await reader.cancel().catch(() => {});
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          clearInterval(timer);
          controller.close();
        } catch (error) {
          clearInterval(timer);
          controller.error(error);
        }
      },
      async cancel(reason) {
        clearInterval(timer);
        await reader.cancel(reason);
      },
    },
    // The source makes pieces only when the client takes them: nothing is held here, either.
    { highWaterMark: 0 },
  );
}
