import type { Answer } from './signed-client.ts';

/** The control plane's error answer: `{"error":{"code","message","fix"}}`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** Stable, e.g. `token_expired`; '' if something between us and the control plane answered. */
  readonly code: string;
  readonly fix: string;
  readonly retryAfterMs: number | undefined;

  constructor(answer: Answer) {
    const { code = '', message, fix = '' } = envelopeOf(answer.body);
    super(message ?? `HTTP ${answer.status}`);
    this.status = answer.status;
    this.code = code;
    this.fix = fix;
    const seconds = Number(answer.headers['retry-after']);
    this.retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  }
}

function envelopeOf(body: string): { code?: string; message?: string; fix?: string } {
  try {
    return (JSON.parse(body) as { error?: { code?: string; message?: string; fix?: string } }).error ?? {};
  } catch {
    return {};
  }
}

/** Words for a connection that failed, with the reason behind the wrapper that Node puts around it. */
export function connectionProblem(error: unknown): string {
  if (error instanceof Refusal) return `it answered ${error.status}: ${error.message}${error.fix ? `. ${error.fix}` : ''}`;
  if (error instanceof AggregateError)
    return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  // The host's clock says so, and a cheap machine's battery is empty more often than a certificate is out of date.
  const clock = code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED';
  return clock ? `${error.message} by this host's clock, which says ${new Date().toISOString()}: is it right?` : error.message;
}
