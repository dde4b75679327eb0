import { CliError, EXIT, type ExitCode } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { paint, plainText } from './colour.ts';

/** Prints what went wrong and what to do, on standard error; with --json as one object there. Gives the exit code. */
export async function reportError(error: unknown, io: Io, json: boolean): Promise<ExitCode> {
  if (isClosedPipe(error)) return EXIT.ok;
  const known = error instanceof CliError ? error : foreign(error);
  const { message, fix, code, status, requestId } = known;
  if (json) {
    await line(io.err, JSON.stringify({ error: { code, message, fix, status, requestId } }));
  } else {
    await line(io.err, `${paint(io.err, io.env, 'red', 'error:')} ${plainText(message)}`);
    if (fix) await line(io.err, `  ${plainText(fix).replaceAll('\n', '\n  ')}`);
    if (requestId && (status ?? 0) >= 500) await line(io.err, `  request id: ${requestId}`);
  }
  if (io.env.TERRANE_DEBUG && known.cause instanceof Error) await line(io.err, known.cause.stack);
  return known.exit;
}

/** Server and agent throw errors of their own: with `fix` they are meant for people, without it somebody has to look where. */
function foreign(error: unknown): CliError {
  const cause = error instanceof Error ? error : new Error(String(error));
  const { fix, code, refused } = cause as { fix?: unknown; code?: unknown; refused?: unknown };
  return new CliError(cause.message, {
    ...(refused === true ? { exit: EXIT.refused } : {}),
    code: typeof code === 'string' ? code : 'internal',
    cause,
    fix: typeof fix === 'string' ? fix : 'TERRANE_DEBUG=1 prints where it happened.',
  });
}

/** `terrane get pods | head -1`: the reader has what it wanted. */
function isClosedPipe(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === 'EPIPE';
}
