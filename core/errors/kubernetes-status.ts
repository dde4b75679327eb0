import { StatusError, type StatusReason } from '../resources/status.ts';
import type { TerraneError } from './terrane-error.ts';

const REASONS: Readonly<Record<number, StatusReason>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  413: 'RequestEntityTooLarge',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** The same error as kubectl reads it: what to do is part of the message, because kubectl shows nothing else. */
export function statusOf(error: TerraneError): StatusError {
  return new StatusError(
    REASONS[error.status] ?? 'InternalError',
    `${error.message} ${error.fix}`,
    error.retryAfter === undefined ? undefined : { retryAfterSeconds: error.retryAfter },
    error.status,
  );
}
