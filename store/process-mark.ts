import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Names this process among all that ran or will run since the machine started: its number, when it started in the kernel's count, and the
 * namespace in which it has that number. One line of letters, digits and blanks, at most 60 characters.
 */
export function processMark(): string {
  return `process ${process.pid} ${startOf(process.pid)} ${pidNamespace()}`;
}

/** Whether the process of such a mark runs. Of what can't be known from here (another's namespace, another's mark) it is taken that it does. */
export function stillRuns(mark: string): boolean {
  const [, pid, start, namespace] = /^process (\d+) (\d+) (\d+)$/.exec(mark) ?? [];
  return pid === undefined || namespace !== pidNamespace() || startOf(Number(pid)) === start;
}

/** proc(5), stat: field 22. The command before it may hold anything, brackets too. Undefined: there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[19];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
    throw error;
  }
}

function pidNamespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))![0];
}
