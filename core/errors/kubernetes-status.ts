import type { TerraneError } from './terrane-error.ts';

/** The error body that kubectl reads (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/). */
export interface KubernetesStatus {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, never>;
  readonly status: 'Failure';
  readonly message: string;
  readonly reason: string;
  readonly code: number;
  readonly details?: { readonly retryAfterSeconds?: number };
}

const REASONS: Readonly<Record<number, string>> = {
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

export function statusOf(error: TerraneError): KubernetesStatus {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${error.message} ${error.fix}`,
    reason: REASONS[error.status] ?? 'Unknown',
    code: error.status,
    ...(error.retryAfter === undefined ? {} : { details: { retryAfterSeconds: error.retryAfter } }),
  };
}
