import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Leftover, takeAway } from './leftovers.ts';

/**
 * A process of its own that is told what the demo makes and takes it away, the last first, when the demo has ended: after its story, by
 * Ctrl-C, or killed.
 */
export interface Janitor {
  /** At once after it was made, or before. */
  tell(leftover: Leftover): void;
  /** To be asked before something is made: throws once it is taken away, and a story that was interrupted goes no further. */
  mayMake(): void;
  /** Takes all of it away; with `keepLogs` but for the logs. Resolves when nothing is left. */
  finish(options?: { readonly keepLogs?: boolean }): Promise<void>;
  /** Leaves all of it, and writes down what it is, so that `takeAwayKept` can do it later. Resolves when it has. */
  keep(file: string): Promise<void>;
}

type Message = { readonly leftover: Leftover } | { readonly keepIn: string } | 'keep-logs';

export function hireJanitor(): Janitor {
  // A session of its own: Ctrl-C and the end of the terminal are not for it.
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', import.meta.filename], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
    cwd: join(import.meta.dirname, '../..'),
  });
  const ended = once(child, 'exit');
  // If somebody has ended it, there is still the story.
  child.stdin!.on('error', () => {});
  let finishing = false;
  const say = (message: Message) => void child.stdin!.write(`${JSON.stringify(message)}\n`);
  return {
    tell: (leftover) => say({ leftover }),
    mayMake() {
      if (finishing) throw new Error('the demo is over');
    },
    async finish({ keepLogs = false } = {}) {
      finishing = true;
      if (keepLogs) say('keep-logs');
      child.stdin!.end();
      await ended;
    },
    async keep(file) {
      say({ keepIn: file });
      child.stdin!.end();
      await ended;
    },
  };
}

async function work(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  // The terminal may be gone.
  process.stderr.on('error', () => {});
  const leftovers: Leftover[] = [];
  let keepLogs = false;
  for await (const line of createInterface({ input: process.stdin })) {
    const message = whole(line);
    if (message === undefined) continue;
    if (message === 'keep-logs') keepLogs = true;
    else if ('keepIn' in message) return writeFileSync(message.keepIn, JSON.stringify(leftovers), { mode: 0o600 });
    else leftovers.push(message.leftover);
  }
  await takeAllAway(leftovers, keepLogs);
}

/** What a demo with --keep has left. Throws if `file` doesn't say what that is. */
export async function takeAwayKept(file: string): Promise<void> {
  await takeAllAway(JSON.parse(readFileSync(file, 'utf8')) as Leftover[], false);
}

async function takeAllAway(leftovers: readonly Leftover[], keepLogs: boolean): Promise<void> {
  for (const leftover of leftovers.toReversed())
    await takeAway(leftover, keepLogs).catch((error: Error) => console.error(`while cleaning up: ${error.message}`));
}

/** Undefined: the demo was killed as it wrote the line, and so before it made what it was about to tell of. */
function whole(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return undefined;
  }
}

if (process.argv[1] === import.meta.filename) {
  await work();
  process.exit();
}
