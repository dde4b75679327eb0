import type { Status } from '../../core/resources/status.ts';
import { CliError, EXIT } from '../errors.ts';
import type { Manifest } from './manifests.ts';

/** The server names fields; a person wants file, line and column. Other errors are given back as they are. */
export function located(error: unknown, { object: { kind, metadata }, locate }: Manifest): unknown {
  if (!(error instanceof CliError) || error.exit === EXIT.auth || error.status === undefined) return error;
  const causes = (error.cause as Status | undefined)?.details?.causes?.filter(({ field }) => field) ?? [];
  const lines = causes.map(({ field = '', message }) => `${locate(field)}: ${field}: ${message}${hint(message)}`);
  const message =
    lines.length > 0
      ? `${lines.join('\n')}\n(${kind} ${metadata.name})`
      : `${locate('')}: ${kind} ${metadata.name}: ${error.message}`;
  const { fix, exit, code, status, requestId, cause } = error;
  return new CliError(message, { fix, exit, code, status, requestId, cause });
}

/** In YAML `yes` and 8080 are no strings. */
function hint(message: string): string {
  return /expected string, got (boolean|number)/.test(message) ? ' (put it in quotes)' : '';
}
