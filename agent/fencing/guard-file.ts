import { readFileSync } from 'node:fs';

/** What the fence guard (agent/install/fence-guard.sh) has to end when the host lease has: names that take no engine and no bus to find it by. */
export interface FencedWork {
  /** Units of systemd's. */
  readonly units: readonly string[];
  /** Ids of containers: they are in the names of their cgroups. */
  readonly containers: readonly string[];
}

export interface GuardState extends FencedWork {
  readonly bootId: string;
  /** Of the machine's uptime, ms. */
  readonly writtenAt: number;
  /** Fenced work may run until then, or may not since then: uptime, ms. */
  readonly until: number;
  /** What it then has for stopping. */
  readonly graceSeconds: number;
  /** Where an agent of before there were guards would keep the lease. */
  readonly leaseFile: string;
  /** The agent is there and stops containers by itself: the guard only kills them when their time is over. */
  readonly stopping: boolean;
}

const VERSION = 'terrane-fence 1';

/** Lines of a word and what it is about. `id`: another one for each text, so that the guard needs to read no further if it knows it. */
export function guardText(id: string, state: GuardState): string {
  return [
    VERSION,
    `id ${id}`,
    `boot ${state.bootId}`,
    `at ${hundredths(state.writtenAt)}`,
    `until ${hundredths(state.until)}`,
    `grace ${hundredths(state.graceSeconds * 1000)}`,
    `lease ${state.leaseFile}`,
    ...(state.stopping ? ['stopping'] : []),
    ...state.units.map((unit) => `unit ${unit}`),
    ...state.containers.map((container) => `container ${container}`),
    'end',
    '',
  ].join('\n');
}

/** What an agent before this one has told the guard in this boot: it goes on to be so until it is known better. Nothing, if it can't be read. */
export function readFencedWork(path: string, bootId: string): FencedWork {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // The first one of this boot.
  }
  const lines = text.split('\n');
  if (lines[0] !== VERSION || !lines.includes(`boot ${bootId}`)) return { units: [], containers: [] };
  const all = (word: string) => lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  return { units: all('unit'), containers: all('container') };
}

const hundredths = (ms: number): number => Math.max(0, Math.floor(ms / 10));
