import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { execEnd, execOutput } from '../../core/node/exec-frames.ts';
import { JOURNAL_OUTPUTS } from '../../core/node/push.ts';
import { StreamProblem } from '../uplink/log-stream.ts';
import type { UnitStreams } from '../uplink/unit-streams.ts';
import { execScopes } from './exec-scope.ts';

export interface HostStreamsOptions {
  /** `<cluster>/<host id>`. */
  readonly owner: string;
  /** Is it assigned to this host? */
  readonly assigned: (unit: string) => boolean;
  /** What comes before a command, in tests: how it gets to the host. */
  readonly prefix?: readonly string[];
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Between TERM and KILL, ms. */
const GRACE_MS = 5_000;
const TIMED_OUT = 124;
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/** The journal of units, and commands on the host. */
export function hostStreams({ owner, assigned, prefix = [] }: HostStreamsOptions): UnitStreams {
  const newScope = execScopes({ owner, graceMs: GRACE_MS, prefix });
  const start = (words: readonly string[], env: Record<string, string>): Child => {
    const [program = '', ...rest] = [...prefix, ...words];
    // A group of its own, so that what it starts ends with it.
    return spawn(program, rest, { cwd: '/', detached: true, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  };
  const require = (unit: string) => {
    if (!assigned(unit)) throw new StreamProblem(404, `unit ${unit} is not on this host`);
  };
  return {
    async journal({ unit, follow, lines, since, output = 'short' }, signal) {
      require(unit);
      if (!JOURNAL_OUTPUTS.includes(output))
        throw new StreamProblem(400, `output ${String(output)}: choose one of ${JOURNAL_OUTPUTS.join(', ')}`);
      const words = ['journalctl', '--no-pager', '--quiet', `--unit=${unit}`, `--output=${output}`];
      if (follow) words.push('--follow');
      // With --follow, journalctl shows ten lines on its own.
      if (lines !== undefined || follow) words.push(`--lines=${lines === undefined ? 'all' : Math.max(0, Math.floor(lines))}`);
      if (since !== undefined) words.push(`--since=${sinceOf(since)}`);
      return textOf(start(words, {}), signal);
    },
    async exec({ unit, command, timeoutSeconds }, signal) {
      require(unit);
      if (command.length === 0) throw new StreamProblem(400, 'there is no command to run');
      const scope = await newScope();
      signal.throwIfAborted();
      const child = start(scope.words(command, timeoutSeconds * 1000), { TERRANE_UNIT: unit });
      return frames(child, signal, timeoutSeconds * 1000, () => scope.end());
    },
  };
}

function sinceOf(text: string): string {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new StreamProblem(400, `since ${text}: give a time as 2026-01-31T12:00:00Z`);
  return `@${(at / 1000).toFixed(3)}`;
}

function textOf(child: Child, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const ended = ending(child, signal);
  return leavable(text(child, ended, signal), ended);
}

async function* text(child: Child, ended: Ending, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  child.stderr.resume();
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const { error } = await ended.done;
    if (error !== undefined && !signal.aborted) throw new Error(error);
  } finally {
    ended.end();
  }
}

function frames(child: Child, signal: AbortSignal, timeoutMs: number, endAll: () => void): AsyncIterable<Uint8Array> {
  const ended = ending(child, signal, endAll);
  return leavable(framesOf(child, ended, timeoutMs), ended);
}

/** A reader that leaves ends the child at once: a generator would only hear of it after the next piece, and that may be hours away. */
function leavable(pieces: AsyncGenerator<Uint8Array>, ended: Ending): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => pieces.next(),
      return() {
        ended.end();
        return pieces.return(undefined);
      },
    }),
  };
}

async function* framesOf(child: Child, ended: Ending, timeoutMs: number): AsyncGenerator<Uint8Array> {
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    ended.end();
  }, timeoutMs);
  const queue: Uint8Array[] = [];
  let wake = () => {};
  let open = 2;
  for (const channel of ['stdout', 'stderr'] as const) {
    const from = child[channel];
    from.on('data', (bytes: Uint8Array) => {
      queue.push(execOutput(channel, bytes));
      // A slow reader holds up the command, not this host's memory.
      from.pause();
      wake();
    });
    from.on('close', () => {
      open--;
      wake();
    });
  }
  try {
    while (open > 0 || queue.length > 0) {
      const next = queue.shift();
      if (next) yield next;
      else {
        child.stdout.resume();
        child.stderr.resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (queue.length > 0 || open === 0) resolve();
        });
      }
    }
    const end = await ended.done;
    yield execEnd(timedOut ? { exitCode: TIMED_OUT, error: `it was ended after ${timeoutMs / 1000} s` } : end);
  } finally {
    clearTimeout(timer);
    ended.end();
  }
}

interface Ending {
  readonly done: Promise<{ readonly exitCode: number; readonly error?: string }>;
  /** TERM, then KILL, also to what it has left behind. Nothing, if that was done. */
  end(): void;
}

/** `endAll`: to what has left the child's group. */
function ending(child: Child, signal: AbortSignal, endAll: () => void = () => {}): Ending {
  // Once nobody has its output any more, its group's number may be another's.
  let over = false;
  let ends = false;
  const kill = (name: 'SIGTERM' | 'SIGKILL') => {
    try {
      if (!over && child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // It has just ended.
    }
  };
  const end = () => {
    if (over || ends) return;
    ends = true;
    kill('SIGTERM');
    endAll();
    setTimeout(() => {
      kill('SIGKILL');
      // What has left the group may keep the output open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    }, GRACE_MS).unref();
  };
  signal.addEventListener('abort', end, { once: true });
  child.once('close', () => {
    over = true;
    if (!ends) endAll();
    signal.removeEventListener('abort', end);
  });
  const done = new Promise<{ exitCode: number; error?: string }>((resolve) => {
    child.once('error', (error) => resolve({ exitCode: 127, error: `it could not be run: ${error.message}` }));
    child.once('exit', (code, by) => resolve({ exitCode: code ?? 128 + (SIGNALS[by ?? ''] ?? 0) }));
  });
  if (signal.aborted) end();
  return { done, end };
}
