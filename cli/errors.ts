/** Exit codes, as scripts may rely on them. */
export const EXIT = {
  ok: 0,
  /** The command could not do what it was asked. */
  failed: 1,
  /** Wrong usage, or a question was answered with no. */
  usage: 2,
  /** Not logged in, or not allowed. */
  auth: 4,
  /** The agent: the control plane doesn't let this host in, and asking again would change nothing (sysexits.h: EX_CONFIG). Its unit file knows it. */
  refused: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface CliErrorOptions {
  /** What to do about it: one sentence or a command. */
  readonly fix?: string | undefined;
  readonly exit?: ExitCode;
  /** Stable code, for --json. */
  readonly code?: string;
  /** HTTP status, when the server said it. */
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** Ends a command: printed as `error: message` and, below it, what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly fix: string | undefined;
  readonly exit: ExitCode;
  readonly code: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;

  constructor(message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fix = options.fix;
    this.exit = options.exit ?? EXIT.failed;
    this.code = options.code ?? (this.exit === EXIT.usage ? 'usage' : 'failed');
    this.status = options.status;
    this.requestId = options.requestId;
  }
}

export function usageError(message: string, fix?: string): CliError {
  return new CliError(message, { exit: EXIT.usage, ...(fix ? { fix } : {}) });
}

export function cancelled(): CliError {
  return new CliError('cancelled, nothing was changed', { exit: EXIT.usage, code: 'cancelled' });
}
