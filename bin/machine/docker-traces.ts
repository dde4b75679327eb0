import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What dockerd leaves on a machine when it ends: its bridge, its chains and the rules that lead to them, forwarding, its cgroups. Noted before one is
 * started on a machine where none runs, so that afterwards what was not there before can be taken away.
 */
export interface DockerTraces {
  readonly bridge: boolean;
  /** Of `net.ipv4.ip_forward`. */
  readonly forwarding: string;
  /** By table: what `iptables -S` says, undefined where nft has no such table. */
  readonly rules: Readonly<Record<Table, readonly string[] | undefined>>;
  readonly cgroups: readonly string[];
}

type Table = 'filter' | 'nat';
const TABLES: readonly Table[] = ['filter', 'nat'];
const OF_DOCKER = /\bdocker0\b|\bDOCKER\b|\bDOCKER-/;

export function noteDockerTraces(): DockerTraces {
  return {
    bridge: run('ip', 'link', 'show', 'docker0') !== undefined,
    forwarding: forwarding(),
    rules: { filter: rulesOf('filter'), nat: rulesOf('nat') },
    cgroups: cgroups(),
  };
}

/** Only what names Docker and was not there before; nothing if another engine was started meanwhile, whose it may be. */
export function removeDockerTraces(before: DockerTraces): void {
  if (process.getuid?.() !== 0 || anotherEngineRuns()) return;
  for (const table of TABLES) removeRules(table, before.rules[table]);
  if (!before.bridge) run('ip', 'link', 'del', 'docker0');
  if (before.forwarding === '0' && forwarding() === '1') run('sysctl', '-qw', 'net.ipv4.ip_forward=0');
  for (const path of cgroups().filter((one) => !before.cgroups.includes(one))) removeEmpty(path);
}

function removeRules(table: Table, before: readonly string[] | undefined): void {
  const fresh = (rulesOf(table) ?? []).filter((rule) => !before?.includes(rule));
  const ours = fresh.filter((rule) => OF_DOCKER.test(rule));
  const iptables = (...args: string[]) => run('iptables', '-w', '-t', table, ...args);
  for (const rule of ours.filter((one) => one.startsWith('-A '))) iptables('-D', ...rule.split(' ').slice(1));
  for (const rule of ours.filter((one) => one.startsWith('-N '))) iptables('-X', rule.split(' ')[1]!);
  // It drops what is forwarded on a machine where it had to turn forwarding on.
  if (before?.includes('-P FORWARD ACCEPT') !== false && fresh.includes('-P FORWARD DROP')) iptables('-P', 'FORWARD', 'ACCEPT');
  // iptables makes the table for the first rule, and leaves it.
  if (before === undefined && rulesOf(table)?.every((rule) => rule.startsWith('-P ') && rule.endsWith(' ACCEPT')))
    run('nft', 'delete', 'table', 'ip', table);
}

/** In this network. */
function anotherEngineRuns(): boolean {
  const here = readlinkSync('/proc/self/ns/net');
  return list('/proc').some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'dockerd\n' && readlinkSync(`/proc/${pid}/ns/net`) === here;
    } catch {
      return false;
    }
  });
}

/** `iptables -S` would make a table that isn't there. */
function rulesOf(table: Table): string[] | undefined {
  if (run('nft', 'list', 'tables')?.includes(`table ip ${table}\n`) === false) return undefined;
  return run('iptables', '-w', '-t', table, '-S')?.trim().split('\n');
}

function forwarding(): string {
  return run('sysctl', '-n', 'net.ipv4.ip_forward')?.trim() ?? '';
}

/** With cgroup v1 one in each hierarchy. */
function cgroups(): string[] {
  const root = '/sys/fs/cgroup';
  const found = (directory: string) =>
    list(directory)
      .filter((name) => name === 'docker')
      .map((name) => join(directory, name));
  return [...found(root), ...list(root).flatMap((name) => found(join(root, name)))];
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

/** A cgroup's files are the kernel's: only directories are removed, and only if nothing runs in them. */
function removeEmpty(path: string): void {
  for (const name of list(path)) removeEmpty(join(path, name));
  try {
    rmdirSync(path);
  } catch {
    // Somebody else's engine has started meanwhile.
  }
}

/** What it printed; undefined if it failed or isn't there. */
function run(command: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? stdout : undefined;
}
