import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One agent per data directory: a file that names the process. It is not the file that locks but the living process, so that
 * nothing has to be cleaned up after a crash; its start time tells it from another process that got the same id.
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, 'agent.lock');
  const own = `${process.pid} ${startTicks(process.pid) ?? 0}`;
  for (let tries = 0; tries < 5; tries++) {
    try {
      writeFileSync(path, own, { flag: 'wx', mode: 0o600 });
      return () => {
        if (readText(path) === own) rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readText(path);
    const [pid, ticks] = holder.split(' ').map(Number);
    if (pid && startTicks(pid) === ticks) {
      throw new Error(
        `another agent (process ${pid}) runs on ${directory}: stop it, or give this one a directory of its own (--data)`,
      );
    }
    rmSync(path, { force: true });
  }
  throw new Error(`${path} can't be taken: other agents keep starting on this directory`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Field 22 of /proc/<pid>/stat: when the process started, in clock ticks since boot. undefined if there is none (a zombie is none). */
function startTicks(pid: number): number | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return text === '' || fields[0] === 'Z' ? undefined : Number(fields[19]);
}
