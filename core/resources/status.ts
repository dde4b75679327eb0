/**
 * Kubernetes' error object (meta/v1 Status): what every refused request answers with, and what the write functions throw.
 * The catalogue of reasons is Kubernetes' own, because clients branch on `reason`, not on the message.
 */

export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'Invalid'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'UnsupportedMediaType'
  | 'RequestEntityTooLarge'
  | 'TooManyRequests'
  | 'Timeout'
  | 'ServiceUnavailable'
  | 'InternalError';

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The plural resource name, except for Invalid where it is the kind; as Kubernetes does. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, never>;
  readonly status: 'Failure' | 'Success';
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code: number;
}

const CODES: Record<StatusReason, number> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  Invalid: 422,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  UnsupportedMediaType: 415,
  RequestEntityTooLarge: 413,
  TooManyRequests: 429,
  Timeout: 504,
  ServiceUnavailable: 503,
  InternalError: 500,
};

/** A refusal that the user should read. `status` is the body, `status.code` the HTTP status. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;

  constructor(reason: StatusReason, message: string, details?: StatusDetails, code?: number) {
    super(message);
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code: code ?? CODES[reason],
    };
  }

  get reason(): StatusReason {
    return this.status.reason!;
  }
}

/** What a message about a resource needs to know of its kind. */
export interface KindRef {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
}

const qualified = (name: string, group: string) => (group ? `${name}.${group}` : name);
const detailsOf = (ref: KindRef, name: string): StatusDetails => ({
  ...(name && { name }),
  ...(ref.group && { group: ref.group }),
  kind: ref.plural,
});

export function notFound(ref: KindRef, name: string): StatusError {
  return new StatusError('NotFound', `${qualified(ref.plural, ref.group)} "${name}" not found`, detailsOf(ref, name));
}

export function alreadyExists(ref: KindRef, name: string): StatusError {
  return new StatusError('AlreadyExists', `${qualified(ref.plural, ref.group)} "${name}" already exists`, detailsOf(ref, name));
}

export function conflict(ref: KindRef, name: string, why: string): StatusError {
  return new StatusError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(ref.plural, ref.group)} "${name}": ${why}`,
    detailsOf(ref, name),
  );
}

export function forbidden(ref: KindRef, name: string, why: string): StatusError {
  return new StatusError(
    'Forbidden',
    `${qualified(ref.plural, ref.group)}${name ? ` "${name}"` : ''} is forbidden: ${why}`,
    detailsOf(ref, name),
  );
}

export function badRequest(message: string, causes?: readonly StatusCause[]): StatusError {
  return new StatusError('BadRequest', message, causes && { causes });
}

/** 422 with one cause for each field that is wrong. */
export function invalid(ref: KindRef, name: string, causes: readonly (StatusCause & { field: string })[]): StatusError {
  const lines = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new StatusError('Invalid', `${qualified(ref.kind, ref.group)} "${name}" is invalid: ${text}`, {
    ...(name && { name }),
    ...(ref.group && { group: ref.group }),
    kind: ref.kind,
    causes,
  });
}
