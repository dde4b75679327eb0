import { readdirSync, readFileSync } from 'node:fs';

/** When a process started, in the kernel's own count: with its number it names it. Undefined: it has ended. */
export function processStart(pid: number): string | undefined {
  return statOf(pid)?.started;
}

/** Whether a process of this group runs. */
export function groupRuns(group: number): boolean {
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && statOf(Number(name))?.group === group);
}

/** proc(5), stat: fields 5 and 22. */
function statOf(pid: number): { readonly group: number; readonly started: string } | undefined {
  try {
    // The command before them may hold anything, brackets too.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    // A zombie has ended; only its parent has not heard of it.
    return fields[0] === 'Z' ? undefined : { group: Number(fields[2]), started: fields[19]! };
  } catch {
    return undefined;
  }
}
