import { spawn } from 'node:child_process';

export interface CommandOptions {
  /** Default 60 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CommandResult {
  /** Exit code; -1: it couldn't be started, was killed or took too long. */
  readonly code: number;
  readonly stdout: string;
  /** The end of both outputs, as they came. */
  readonly log: string;
}

/** Runs a program of the host's. Never rejects. */
export type RunCommand = (command: string, args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

const TIMEOUT_MS = 60_000;
const STDOUT_MAX = 1024 * 1024;
const LOG_MAX = 16 * 1024;

export const runCommand: RunCommand = (command, args, { timeoutMs = TIMEOUT_MS, signal, env } = {}) =>
  new Promise((resolve) => {
    let stdout = '';
    let log = '';
    let said: string | undefined;
    // In a group of its own, so that what it has started ends with it.
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, LC_ALL: 'C', ...env },
    });
    const end = (why: string) => {
      said ??= why;
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    };
    const timer = setTimeout(() => end(`it was ended after ${timeoutMs / 1000} s`), timeoutMs);
    const aborted = () => end('the agent is stopping');
    signal?.addEventListener('abort', aborted, { once: true });
    const more = (text: string) => {
      log = (log + text).slice(-LOG_MAX);
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout.length < STDOUT_MAX) stdout += text;
      more(text);
    });
    child.stderr.setEncoding('utf8').on('data', more);
    const done = (code: number, why?: string) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      if (why !== undefined) more(`${log === '' || log.endsWith('\n') ? '' : '\n'}${command}: ${why}\n`);
      resolve({ code, stdout, log });
    };
    child.once('error', (error) => done(-1, error.message));
    child.once('close', (code) => done(said === undefined ? (code ?? -1) : -1, said));
    if (signal?.aborted) aborted();
  });

/** As `run`, for what must end with 0: rejects with what it said. */
export async function must(run: RunCommand, command: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  const { code, stdout, log } = await run(command, args, options);
  if (code === 0) return stdout;
  throw new CommandFailed(`${command} ${args[0] ?? ''}`.trim(), code, log);
}

/** A program of the host's ended badly. The message has its last words. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly code: number;
  readonly log: string;

  constructor(command: string, code: number, log: string) {
    super(`${command} ${code < 0 ? 'did not end by itself' : `ended with code ${code}`}\n${log.trim()}`.trim());
    this.code = code;
    this.log = log;
  }
}
