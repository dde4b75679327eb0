import type { Context, ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { statusOf } from '../core/errors/kubernetes-status.ts';
import { errorEnvelope, TerraneError } from '../core/errors/terrane-error.ts';
import { FleetError } from '../core/fleet/api/shapes.ts';
import { withCauses } from '../core/logging/with-causes.ts';
import type { Logger } from '../core/ports/logger.ts';
import { StatusError } from '../core/resources/status.ts';
import { isFleet } from './api/fleet/is-fleet.ts';
import { isOperatorsTrouble } from './operators-trouble.ts';
import { isStoreTrouble } from './store-trouble.ts';

export interface OnErrorDeps {
  /** Told of errors that aren't in the catalogue: the caller sees only `internal` and the request id. */
  readonly log: Logger;
}

/** The one handler of thrown errors: `app.onError(onError({ log }))`. */
export function onError(deps: OnErrorDeps): ErrorHandler {
  return (error, c) => {
    if (error instanceof HTTPException && !error.message) return error.getResponse();
    if (error instanceof StatusError) return c.json(error.status, error.status.code as ContentfulStatusCode);
    return errorResponse(c, asTerraneError(error, c, deps));
  };
}

function asTerraneError(error: Error, c: Context, deps: OnErrorDeps): TerraneError {
  if (error instanceof TerraneError && !isOperatorsTrouble(error)) return error;
  deps.log.error('request failed', {
    requestId: requestIdOf(c),
    method: c.req.method,
    path: shownPath(c.req.path),
    error: withCauses(error),
  });
  if (error instanceof TerraneError) return error;
  return isStoreTrouble(error) ? new TerraneError('unavailable', undefined, { retryAfter: 1 }) : new TerraneError('internal');
}

/** Hosts that can send no header have their update token in the path. */
function shownPath(path: string): string {
  return path.replace(/^\/updates\/[^/]+/, '/updates/…');
}

/** Below /clusters/ kubectl reads the answer, so it is a Kubernetes Status there. */
export function errorResponse(c: Context, error: TerraneError): Response {
  const kube = c.req.path.startsWith('/clusters/');
  if (error.retryAfter !== undefined) c.header('retry-after', String(error.retryAfter));
  if (error.status === 401) c.header('www-authenticate', 'Bearer realm="terrane"');
  if (isFleet(c.req.path)) return c.json(fleetRefusal(error), error.status as ContentfulStatusCode);
  const body = kube ? statusOf(error).status : errorEnvelope(error, requestIdOf(c));
  return c.json(body, error.status as ContentfulStatusCode);
}

function fleetRefusal({ status, message, fix }: TerraneError) {
  return new FleetError(status, fix ? `${message} ${fix}` : message).body;
}

export function requestIdOf(c: Context): string {
  return (c.get('requestId') as string | undefined) ?? '-';
}
