import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { statusOf as statusOfTerraneError } from '../../../core/errors/kubernetes-status.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { ClosedError, HeadStaleError, OutcomeUnknownError, RequestTooLargeError } from '../../../core/keyspace/errors.ts';
import { type Status, StatusError } from '../../../core/resources/status.ts';
import { isStoreTrouble } from '../../store-trouble.ts';

/** Every error leaves as a Kubernetes Status, so that clients can show it. */
export function statusOf(error: unknown): Status {
  if (error instanceof StatusError) return error.status;
  if (error instanceof TerraneError) return statusOfTerraneError(error).status;
  if (error instanceof RequestTooLargeError) return new StatusError('RequestEntityTooLarge', error.message).status;
  if (error instanceof OutcomeUnknownError) return new StatusError('Timeout', error.message).status;
  if (error instanceof HeadStaleError || error instanceof ClosedError)
    return new StatusError('ServiceUnavailable', 'nothing was changed; try again', { retryAfterSeconds: 1 }).status;
  if (isStoreTrouble(error))
    return new StatusError('ServiceUnavailable', 'the store can not answer just now; try again in a moment', {
      retryAfterSeconds: 1,
    }).status;
  if (error instanceof HTTPException && error.status < 500)
    return { ...new StatusError('BadRequest', error.message).status, code: error.status };
  // The only deep recursion there is follows the nesting of what the client sent.
  if (error instanceof RangeError && /call stack/i.test(error.message))
    return new StatusError('BadRequest', 'the body of the request is nested too deeply').status;
  return new StatusError(
    'InternalError',
    'Internal error occurred; the request id in the X-Request-Id header finds it in the server log',
  ).status;
}

export function respondStatus(c: Context, status: Status): Response {
  const { retryAfterSeconds } = status.details ?? {};
  if (retryAfterSeconds !== undefined) c.header('retry-after', String(retryAfterSeconds));
  return c.json(status, status.code as ContentfulStatusCode);
}

/** 404 for a path that nothing is served under. */
export function noSuchPath(path: string): StatusError {
  return new StatusError('NotFound', `the server could not find the requested resource (${path.slice(0, 200)})`, {});
}

export function methodNotAllowed(): StatusError {
  return new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}
