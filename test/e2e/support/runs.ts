import { readFileSync } from 'node:fs';
import type { SystemdHost } from '../../support/systemd-host/host.ts';

/** One process of a unit on a host, by the times that it has written down itself: seconds since the epoch, of the one clock that all hosts here have. */
export interface Run {
  readonly host: string;
  readonly pid: string;
  readonly from: number;
  readonly to: number;
  /** The longest that it wrote nothing in between: it, or the machine, stood still. */
  readonly pause: number;
}

/** A unit that writes down when it runs, 20 times a second. systemd takes `%` and `$` itself where they aren't doubled. */
export function clockUnit(file: string): string {
  return `[Service]\nExecStart=/bin/sh -c 'while true; do echo "$$(date +%%s%%N) $$$$" >> ${file}; sleep 0.05; done'\n`;
}

/** All that has run there, the earliest first. A line that is being written isn't one yet. */
export function runsOn(host: SystemdHost, file: string): Run[] {
  const byPid = new Map<string, number[]>();
  for (const line of contentOf(host.path(file)).split('\n').slice(0, -1)) {
    const [at, pid = ''] = line.split(' ');
    byPid.set(pid, [...(byPid.get(pid) ?? []), Number(at) / 1e9]);
  }
  return [...byPid].map(([pid, stamps]) => ({
    host: host.name,
    pid,
    from: stamps[0]!,
    to: stamps.at(-1)!,
    pause: Math.max(0, ...stamps.slice(1).map((at, index) => at - stamps[index]!)),
  }));
}

/**
 * Seconds between the runs on one host and the next ones on another. Throws if two hosts ran it at once, with all that was written down: if a later run of the host
 * that had it first is among them, it was started again when it must not; else it was stopped too late, or stood still (`pause`).
 */
export function gapsBetween(all: readonly Run[]): number[] {
  const runs = all.toSorted((one, other) => one.from - other.from);
  const seconds = (at: number) => (at - runs[0]!.from).toFixed(2);
  const told = () =>
    runs.map(({ host, pid, from, to, pause }) => `${host} ${pid}: ${seconds(from)} to ${seconds(to)}, pause ${pause.toFixed(2)}`);
  return runs.flatMap((run, index) => {
    const elsewhere = runs.slice(0, index).filter(({ host }) => host !== run.host);
    const ended = Math.max(...elsewhere.map(({ to }) => to));
    if (ended >= run.from) throw new Error(`two hosts ran it at once:\n${told().join('\n')}`);
    return runs[index - 1] === undefined || runs[index - 1]!.host === run.host ? [] : [run.from - ended];
  });
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
