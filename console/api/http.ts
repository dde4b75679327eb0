import type { ErrorDetail, ErrorEnvelope } from '../../core/errors/terrane-error.ts';

/** An answer that is no success, in the words of the catalogue; `unreachable` when there was no answer at all. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly fix: string;
  readonly details: readonly ErrorDetail[];
  readonly requestId: string | undefined;

  constructor(said: {
    status: number;
    code: string;
    message: string;
    fix: string;
    details?: readonly ErrorDetail[];
    requestId?: string | undefined;
  }) {
    super(said.message);
    this.status = said.status;
    this.code = said.code;
    this.fix = said.fix;
    this.details = said.details ?? [];
    this.requestId = said.requestId;
  }
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly accept?: string;
  /** Of the body. Default: JSON. */
  readonly contentType?: string;
}

/** One request with the session cookie, which scripts can't read. Throws an ApiError. */
export async function send(
  path: string,
  { method = 'GET', body, signal, accept = 'application/json', contentType = 'application/json' }: Call = {},
): Promise<Response> {
  const request = {
    method,
    credentials: 'same-origin',
    headers: { accept, ...(body === undefined ? {} : { 'content-type': contentType }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  } as const;
  let response: Response;
  try {
    // A phone that goes from one network to another loses what it had: reading can simply be tried again.
    response = await fetch(path, request).catch((error: unknown) => {
      if (method !== 'GET' || signal?.aborted) throw error;
      return fetch(path, request);
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError({
      status: 0,
      code: 'unreachable',
      message: 'The server does not answer.',
      fix: 'Check the network, and that the server runs. Nothing was changed if you see this at once.',
    });
  }
  if (response.ok) return response;
  throw errorOf(response.status, await response.json().catch(() => undefined));
}

export async function ask<T>(path: string, call: Call = {}): Promise<T> {
  const response = await send(path, call);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Both shapes: our own envelope, and below /clusters/ a Kubernetes Status. */
function errorOf(status: number, body: unknown): ApiError {
  const { error, requestId } = (body ?? {}) as Partial<ErrorEnvelope>;
  if (error) return new ApiError({ status, ...error, requestId });
  const { message, reason } = (body ?? {}) as { message?: string; reason?: string };
  return new ApiError({
    status,
    code: reason ?? `http_${status}`,
    message: message ?? `The server answered ${status}.`,
    fix: status >= 500 ? 'Try again in a moment.' : 'Reload the page and try again.',
  });
}
