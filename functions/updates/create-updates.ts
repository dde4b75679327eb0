import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { onError } from '../on-error.ts';
import { credentials } from './credentials.ts';
import type { UpdatesDeps } from './deps.ts';
import { serveFleetLock } from './fleetlock.ts';
import { type GuardedRegistry, guardedRegistry, type RefusedTokens } from './guarded-registry.ts';
import { serveLocksmith } from './locksmith.ts';
import { serveOmaha } from './omaha.ts';
import { servePayload } from './payloads.ts';

export type { UpdatesDeps } from './deps.ts';

const SEMAPHORE = '/v2/keys/coreos.com/updateengine/rebootlock';

/**
 * The public update protocols: Omaha v3 at /v1/update/, FleetLock at /v1/pre-reboot and /v1/steady-state, locksmith's lock below /v2/keys.
 * With the update token as password of Basic auth; or below /updates/<token>, for clients that can't.
 */
export function createUpdates(deps: UpdatesDeps): Hono {
  const tokenOf = credentials(deps);
  const refused: RefusedTokens = new Set();
  const as =
    (serve: (c: Context, deps: UpdatesDeps, registry: GuardedRegistry) => Promise<Response>) =>
    async (c: Context): Promise<Response> => {
      try {
        const token = await tokenOf(c);
        const registry = guardedRegistry(token, deps.keyspaces, deps.tokens, refused);
        const [served] = await Promise.allSettled([serve(c, deps, registry)]);
        // Also of a request that can't be read nobody learns anything before the token was found good.
        if (!registry.wasGood) await registry.sync();
        deps.accounts.countRequest(token.tenant, 'updates');
        if (served.status === 'rejected') throw served.reason;
        return served.value;
      } catch (error) {
        if (error instanceof TerraneError) return refusal(c, error);
        throw error;
      }
    };
  const app = new Hono();
  app.onError(onError(deps));
  for (const base of ['', '/updates/:token']) {
    for (const path of ['/v1/update', '/v1/update/']) app.post(base + path, as(serveOmaha));
    for (const call of ['pre-reboot', 'steady-state'] as const)
      app.post(
        `${base}/v1/${call}`,
        as((c, d, registry) => serveFleetLock(c, d, registry, call)),
      );
    for (const path of [`${SEMAPHORE}/semaphore`, `${SEMAPHORE}/groups/:group/semaphore`]) {
      app.get(base + path, as(serveLocksmith));
      app.put(base + path, as(serveLocksmith));
    }
  }
  app.on(['GET', 'HEAD'], '/updates/payloads/:ticket/:file', async (c) => {
    try {
      return await servePayload(c, deps);
    } catch (error) {
      if (error instanceof TerraneError) return refusal(c, error);
      throw error;
    }
  });
  return app;
}

/** In words: these clients show the body, if anything. */
function refusal(c: Context, { status, message, fix, retryAfter }: TerraneError): Response {
  if (status === 401) c.header('www-authenticate', 'Basic realm="terrane updates"');
  if (retryAfter !== undefined) c.header('retry-after', String(retryAfter));
  return c.text(`${message} ${fix}\n`, status as ContentfulStatusCode);
}
