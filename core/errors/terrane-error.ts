import { catalogue, type ErrorCode } from './catalogue.ts';

export interface ErrorDetail {
  /** Which field or thing, e.g. `email`, `pods[0].status`. */
  readonly field?: string;
  readonly message: string;
}

export interface TerraneErrorOptions {
  readonly details?: readonly ErrorDetail[];
  /** Instead of the catalogue's. */
  readonly fix?: string;
  /** Seconds, sent as Retry-After. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

/** An error of the catalogue; the message may be more precise than the catalogue's sentence. Never holds a secret. */
export class TerraneError extends Error {
  override readonly name = 'TerraneError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly fix: string;
  readonly details: readonly ErrorDetail[] | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message?: string, options: TerraneErrorOptions = {}) {
    super(message ?? catalogue[code].when, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = catalogue[code].status;
    this.fix = options.fix ?? catalogue[code].fix;
    this.details = options.details;
    this.retryAfter = options.retryAfter;
  }
}

/** What every JSON error answer looks like (below /clusters/ it is a Kubernetes Status instead). */
export interface ErrorEnvelope {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly fix: string;
    readonly details?: readonly ErrorDetail[];
  };
  readonly requestId: string;
}

export function errorEnvelope(error: TerraneError, requestId: string): ErrorEnvelope {
  const { code, message, fix, details } = error;
  return { error: { code, message, fix, ...(details ? { details } : {}) }, requestId };
}
