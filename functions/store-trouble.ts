/** What Node and undici say of a peer that isn't there, or went away. */
const NO_ANSWER = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Of DynamoDB, its SDK, and our keyspaces. */
const PASSING = new Set([
  'TimeoutError',
  'NoAnswerError',
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'InternalServerError',
  'ServiceUnavailable',
  'HeadStaleError',
  'ClosedError',
  'OutcomeUnknownError',
  'StoreFailedError',
  'StoreFullError',
]);

/**
 * Does this error, or what caused it, say that the store can't be reached or can't answer just now? Then the caller is told to try again
 * (503), not that something is broken: it passes by itself, as when the embedded store is started again.
 */
export function isStoreTrouble(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (PASSING.has(at.name) || (code !== undefined && NO_ANSWER.has(code))) return true;
  }
  return false;
}
