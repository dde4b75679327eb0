import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A long-running program of the demo (server, agent), its output in a log file. */
export interface Child {
  readonly pid: number;
  readonly logFile: string;
  /** Undefined while it runs. */
  exit(): string | undefined;
  /** The end of its log, for an error message. */
  tail(): string;
  stop(): Promise<void>;
  /** Lets it outlive the demo. */
  release(): void;
}

export interface ChildOptions {
  readonly env?: Record<string, string>;
  /** It is a shell line, whose programs are to be stopped with it. Else only the program itself is told to stop. */
  readonly shell?: boolean;
}

const STOP_TIMEOUT_MS = 20_000;

export function startChild(command: string, args: readonly string[], logFile: string, options: ChildOptions = {}): Child {
  const log = openSync(logFile, 'a');
  // A group of its own: Ctrl-C in the terminal reaches the demo only, which then stops everything in order.
  const child = spawn(command, args, { stdio: ['ignore', log, log], env: { ...process.env, ...options.env }, detached: true });
  closeSync(log);
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  const exit = () => failure ?? ended(child);
  const target = (options.shell ? -1 : 1) * (child.pid ?? 0);
  return {
    pid: child.pid ?? 0,
    logFile,
    exit,
    tail: () => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n'),
    async stop() {
      if (exit() !== undefined) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      process.kill(target, 'SIGTERM');
      await Promise.race([gone, delay(STOP_TIMEOUT_MS, undefined, { ref: false })]);
      if (exit() === undefined) process.kill(target, 'SIGKILL');
    },
    release: () => child.unref(),
  };
}

function ended(child: ChildProcess): string | undefined {
  if (child.signalCode) return `ended by ${child.signalCode}`;
  return child.exitCode === null ? undefined : `exit code ${child.exitCode}`;
}

/** Asks again until `check` gives a value; fails when the time is over or one of the programs ends. */
export async function until<T>(
  what: string,
  children: readonly Child[],
  check: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 90_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    for (const child of children) {
      const exit = child.exit();
      if (exit !== undefined)
        throw new Error(`waiting until ${what}: a program ended (${exit}). Its last lines:\n${child.tail()}`);
    }
    if (Date.now() > deadline) {
      const tails = children.map((child) => `${child.logFile}:\n${child.tail()}`).join('\n');
      throw new Error(`not within ${timeoutMs / 1000} s: ${what}\n${tails}`);
    }
    await delay(200);
  }
}
