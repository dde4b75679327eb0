import type { ErrorEnvelope } from '../../core/errors/terrane-error.ts';
import type { Status } from '../../core/resources/status.ts';
import { CliError, EXIT } from '../errors.ts';
import type { Endpoint } from './client.ts';

const LOGIN = 'Log in with `terrane login`, or set TERRANE_TOKEN.';

/** A CliError for a refusal: our envelope, a Kubernetes Status, or whatever a proxy in between says. */
export function serverError(status: number, body: string, endpoint: Endpoint): CliError {
  const exit = status === 401 || status === 403 ? EXIT.auth : EXIT.failed;
  const answer = parse(body);
  if (isEnvelope(answer)) {
    const { code, message, fix, details } = answer.error;
    const more = (details ?? []).map(({ field, message }) => `\n  ${field ? `${field}: ` : ''}${message}`).join('');
    return new CliError(message + more, { code, fix, exit, status, requestId: answer.requestId });
  }
  // etcd's own words; the numbers are gRPC's.
  if (isEtcd(answer)) return new CliError(answer.message, { code: `etcd_${answer.code}`, exit, status });
  if (isOAuth(answer))
    return new CliError(answer.error_description ?? answer.error, { code: answer.error, exit: EXIT.auth, status });
  if (isStatus(answer)) {
    const fix = status === 401 ? LOGIN : undefined;
    const cause = answer;
    return new CliError(answer.message ?? `the server answered ${status}`, {
      code: answer.reason ?? 'failed',
      exit,
      status,
      cause,
      fix,
    });
  }
  if (status === 401)
    return new CliError(endpoint.token ? 'the login is not valid any more' : 'not logged in', {
      code: 'unauthenticated',
      exit,
      status,
      fix: LOGIN,
    });
  const said = body.trim().slice(0, 200);
  return new CliError(`${endpoint.server} answered ${status}${said ? `: ${said}` : ''}`, {
    code: 'unexpected_answer',
    exit,
    status,
    fix: 'Is this the address of a Terrane control plane? A proxy in between may answer too.',
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isEnvelope(answer: unknown): answer is ErrorEnvelope {
  return typeof (answer as ErrorEnvelope | undefined)?.error?.message === 'string';
}

/** etcd's JSON gateway. */
function isEtcd(answer: unknown): answer is { message: string; code: number } {
  const { message, code } = (answer ?? {}) as { message?: unknown; code?: unknown };
  return typeof message === 'string' && typeof code === 'number' && !isStatus(answer);
}

/** RFC 6749, 5.2 */
function isOAuth(answer: unknown): answer is { error: string; error_description?: string } {
  return typeof (answer as { error?: unknown } | undefined)?.error === 'string';
}

function isStatus(answer: unknown): answer is Status {
  return (answer as Status | undefined)?.kind === 'Status';
}
