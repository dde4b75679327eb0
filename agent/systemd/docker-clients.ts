import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { basename, join } from 'node:path';
import type { ContainerDetails } from '../docker/types.ts';

/** A `docker` command that runs on this host. */
export interface DockerClient {
  /** The process, and not a later one of its number. */
  readonly id: string;
  /** ms since the epoch. */
  readonly since: number;
  /** The service that it is a process of; undefined: of something that is no unit of ours. */
  readonly unit: string | undefined;
  readonly words: readonly string[];
}

/** Whoever starts containers otherwise says whose they are: `docker-compose`, a program that speaks to the engine. */
export const UNIT_LABEL = 'terrane.dev/unit';

/** The commands that run now, each with which of these units it belongs to. `proc` is /proc. */
export async function dockerClients(units: ReadonlySet<string>, proc = '/proc'): Promise<DockerClient[]> {
  // Their names at once: it takes a tenth of the CPU time, and unlike their words, which the kernel may wait for, they are always there.
  const called = readdirSync(proc).filter((name) => /^\d+$/.test(name) && isCalledDocker(join(proc, name, 'comm')));
  const found = await Promise.all(called.map((pid) => clientOf(proc, pid, units)));
  return found.flatMap((client) => client ?? []);
}

function isCalledDocker(comm: string): boolean {
  try {
    return readFileSync(comm, 'utf8') === 'docker\n';
  } catch {
    // It has just ended.
    return false;
  }
}

async function clientOf(proc: string, pid: string, units: ReadonlySet<string>): Promise<DockerClient | undefined> {
  const [words, cgroups, stat] = await Promise.all(['cmdline', 'cgroup', 'stat'].map((file) => text(join(proc, pid, file))));
  const all = words!.split('\0').slice(0, -1);
  if (basename(all[0] ?? '') !== 'docker') return undefined;
  // What is after the name, which may have any signs in it: proc_pid_stat(5), field 22, in 1/100 s since the boot.
  const begun = Number(stat!.slice(stat!.lastIndexOf(')') + 2).split(' ')[19]);
  const since = Date.now() - os.uptime() * 1000 + begun * 10;
  return { id: `${pid} ${begun}`, since, unit: unitOfCgroups(cgroups!, units), words: all };
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

export type LookedAt = Pick<ContainerDetails, 'Id' | 'Name' | 'Created' | 'Config'>;

/** Which of these commands may have made the container, or are starting it. If some of them name it, only those. */
export function makersOf(container: LookedAt, clients: readonly DockerClient[]): DockerClient[] {
  const created = Date.parse(container.Created);
  const makers = clients.flatMap((client) => {
    const how = makes(client, container, created);
    return how === undefined ? [] : [{ client, how }];
  });
  const named = makers.filter(({ how }) => how === 'named');
  return (named.length > 0 ? named : makers).map(({ client }) => client);
}

/** Uptimes are whole seconds on some systems. */
const IMPRECISION_MS = 1_000;

function makes({ words, since }: DockerClient, container: LookedAt, created: number): 'named' | 'alike' | undefined {
  const command = commandOf(words);
  const name = container.Name.replace(/^\//, '');
  if (command?.verb === 'start') {
    const isIt = (word: string) => word === name || (word.length >= 12 && container.Id.startsWith(word));
    return command.words.some(isIt) ? 'named' : undefined;
  }
  // One that was there before is none that it has made.
  if (!command || created < since - IMPRECISION_MS) return undefined;
  const image = imageAt(command.words, container.Config);
  const given = nameOption(image === undefined ? command.words : command.words.slice(0, image));
  if (given !== undefined) return given === name ? 'named' : undefined;
  return image === undefined ? undefined : 'alike';
}

/** Is it of a container that is there already? */
export const isStart = ({ words }: DockerClient): boolean => commandOf(words)?.verb === 'start';

/** Options before the verb that have a word of their own after them. */
const WITH_VALUE = /^(-[Hcl]|--(host|context|config|log-level|tls(cacert|cert|key)))$/;

/** `docker [OPTIONS] [container] run|create|start WORDS...`; undefined: another one. */
function commandOf(all: readonly string[]): { readonly verb: string; readonly words: readonly string[] } | undefined {
  let at = 1;
  while (all[at]?.startsWith('-')) at += WITH_VALUE.test(all[at]!) ? 2 : 1;
  if (all[at] === 'container') at++;
  const verb = all[at] ?? '';
  return ['run', 'create', 'start'].includes(verb) ? { verb, words: all.slice(at + 1) } : undefined;
}

function nameOption(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === '--name' || word.startsWith('--name='));
  return words[at] === '--name' ? words[at + 1] : words[at]?.slice('--name='.length);
}

/** `… IMAGE [COMMAND...]`; without a command, it has its image's. */
function imageAt(words: readonly string[], { Image, Cmd }: ContainerDetails['Config']): number | undefined {
  const at = words.findIndex((word, index) => {
    if (word !== Image) return false;
    const rest = words.slice(index + 1);
    return rest.length === 0 || JSON.stringify(rest) === JSON.stringify(Cmd ?? []);
  });
  return at < 0 ? undefined : at;
}
