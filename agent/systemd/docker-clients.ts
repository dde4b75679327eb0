import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ContainerDetails } from '../docker/types.ts';

/** A `docker` command that runs on this host. */
export interface DockerClient {
  /** The service that it is a process of; undefined: of something that is no unit of ours. */
  readonly unit: string | undefined;
  readonly words: readonly string[];
}

/** Whoever starts containers otherwise says whose they are: `docker-compose`, a program that speaks to the engine. */
export const UNIT_LABEL = 'terrane.dev/unit';

/** The commands that run now, each with which of these units it belongs to. `proc` is /proc. */
export async function dockerClients(units: ReadonlySet<string>, proc = '/proc'): Promise<DockerClient[]> {
  const entries = await readdir(proc);
  const found = await Promise.all(entries.filter((name) => /^\d+$/.test(name)).map((pid) => clientOf(join(proc, pid), units)));
  return found.flatMap((client) => client ?? []);
}

async function clientOf(directory: string, units: ReadonlySet<string>): Promise<DockerClient | undefined> {
  const words = (await text(join(directory, 'cmdline'))).split('\0').slice(0, -1);
  if (basename(words[0] ?? '') !== 'docker') return undefined;
  return { unit: unitOfCgroups(await text(join(directory, 'cgroup')), units), words };
}

/** It has just ended. */
const text = (path: string) => readFile(path, 'utf8').catch(() => '');

/** By /proc/PID/cgroup: systemd puts units below slices, and what is in a unit's is the unit's. */
export function unitOfCgroups(cgroups: string, units: ReadonlySet<string>): string | undefined {
  for (const line of cgroups.split('\n')) {
    const [, path] = /^(?:0:|\d+:name=systemd):(\/.*)$/.exec(line) ?? [];
    const unit = path?.split('/').find((name) => name !== '' && !name.endsWith('.slice'));
    // A name that a file of the kernel's might have is written with "_" before it.
    for (const name of [unit, unit?.replace(/^_/, '')]) if (name !== undefined && units.has(name)) return name;
  }
  return undefined;
}

/**
 * The unit whose container this is: by its label, or because a `docker run`, `create` or `start` of the unit names it. One without a name is known by its image
 * and command, unless a command outside of these units could have made it as well.
 */
export function unitOfContainer(
  container: Pick<ContainerDetails, 'Id' | 'Name' | 'Config'>,
  clients: readonly DockerClient[],
  units: ReadonlySet<string>,
): string | undefined {
  const label = container.Config.Labels?.[UNIT_LABEL];
  if (label !== undefined) return units.has(label) ? label : undefined;
  const name = container.Name.replace(/^\//, '');
  const named = clients.find(({ words }) => names(words, name, container.Id));
  if (named) return named.unit;
  const alike = clients.filter(
    ({ words }) => isRun(words) && nameOption(words) === undefined && endsWith(words, container.Config),
  );
  return alike.some(({ unit }) => unit === undefined) ? undefined : alike[0]?.unit;
}

const isRun = (words: readonly string[]) => words.includes('run') || words.includes('create');

function names(words: readonly string[], name: string, id: string): boolean {
  if (isRun(words)) return nameOption(words) === name;
  return words.includes('start') && words.some((word) => word === name || (word.length >= 12 && id.startsWith(word)));
}

function nameOption(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === '--name' || word.startsWith('--name='));
  return words[at] === '--name' ? words[at + 1] : words[at]?.slice('--name='.length);
}

/** `… IMAGE [COMMAND...]`; without a command, it has its image's. */
function endsWith(words: readonly string[], { Image, Cmd }: ContainerDetails['Config']): boolean {
  return words.some((word, at) => {
    if (word !== Image) return false;
    const rest = words.slice(at + 1);
    return rest.length === 0 || JSON.stringify(rest) === JSON.stringify(Cmd ?? []);
  });
}
