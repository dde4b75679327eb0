import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What dockerd leaves on a machine when it ends: its bridge, its chains and the rules that lead to them, forwarding, its cgroups. Noted before one is
 * started on a machine where none runs, so that afterwards what was not there before can be taken away.
 */
export interface DockerTraces {
  readonly devices: readonly string[];
  /** Of `net.ipv4.ip_forward`. */
  readonly forwarding: string;
  /** By table: what `iptables -S` says. Undefined: it can't be known, and then nothing of it is touched. */
  readonly rules: Readonly<Partial<Record<Table, Rules>>>;
  readonly cgroups: readonly string[];
}

type Rules = readonly string[] | 'no table';
type Table = 'filter' | 'nat';
const TABLES: readonly Table[] = ['filter', 'nat'];
const OF_DOCKER = /\bdocker0\b|\bDOCKER\b|\bDOCKER-/;
const OF_PEOPLE = /\bDOCKER-USER\b/;

export function noteDockerTraces(): DockerTraces {
  return {
    devices: devices(),
    forwarding: forwarding(),
    rules: { filter: rulesOf('filter'), nat: rulesOf('nat') },
    cgroups: cgroups(),
  };
}

/**
 * Only what names Docker and was not there before, and nothing that somebody else may have come to need: nothing of the network if another engine runs in
 * it by now, no cgroups if one runs anywhere, not a bridge with something on it, not forwarding if there are new devices.
 */
export function removeDockerTraces(before: DockerTraces): void {
  if (process.getuid?.() !== 0) return;
  if (!engineRunsHere()) removeFromNetwork(before);
  if (networksOfEngines().length === 0)
    for (const path of cgroups().filter((one) => !before.cgroups.includes(one))) removeEmpty(path);
}

function removeFromNetwork(before: DockerTraces): void {
  for (const table of TABLES) removeRules(table, before);
  const onBridge = run('ip', '-o', 'link', 'show', 'master', 'docker0');
  if (!before.devices.includes('docker0') && onBridge === '') run('ip', 'link', 'del', 'docker0');
  // Who made them (a VPN, virtual machines) found it on, and may need it.
  const fresh = devices().filter((device) => !before.devices.includes(device));
  if (before.forwarding === '0' && forwarding() === '1' && fresh.length === 0) run('sysctl', '-qw', 'net.ipv4.ip_forward=0');
}

function removeRules(table: Table, { rules, forwarding: forwarded }: DockerTraces): void {
  const before = rules[table];
  const now = rulesOf(table);
  if (before === undefined || now === undefined || now === 'no table') return;
  const fresh = now.filter((rule) => !before.includes(rule));
  // Docker itself writes but the last there: it is for people's own.
  const peoples = fresh.some((rule) => rule.startsWith('-A DOCKER-USER ') && rule !== '-A DOCKER-USER -j RETURN');
  const ours = fresh.filter((rule) => OF_DOCKER.test(rule) && !(peoples && OF_PEOPLE.test(rule)));
  const iptables = (...args: string[]) => run('iptables', '-w', '-t', table, ...args);
  for (const rule of ours.filter((one) => one.startsWith('-A '))) iptables('-D', ...rule.split(' ').slice(1));
  for (const rule of ours.filter((one) => one.startsWith('-N '))) iptables('-X', rule.split(' ')[1]!);
  // It drops what is forwarded on a machine where it had to turn forwarding on. On another one it was not Docker.
  const accepted = before === 'no table' || before.includes('-P FORWARD ACCEPT');
  if (forwarded === '0' && accepted && fresh.includes('-P FORWARD DROP')) iptables('-P', 'FORWARD', 'ACCEPT');
  // iptables makes the table for the first rule, and leaves it.
  const left = rulesOf(table);
  if (before === 'no table' && Array.isArray(left) && left.every((rule) => rule.startsWith('-P ') && rule.endsWith(' ACCEPT')))
    run('nft', 'delete', 'table', 'ip', table);
}

/** Whether an engine runs in this network, wherever it listens. */
export function engineRunsHere(): boolean {
  return networksOfEngines().includes(readlinkSync('/proc/self/ns/net'));
}

/** Of each engine that runs, which network it is in. */
function networksOfEngines(): string[] {
  return list('/proc').flatMap((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'dockerd\n' ? [readlinkSync(`/proc/${pid}/ns/net`)] : [];
    } catch {
      return [];
    }
  });
}

/** `iptables -S` would make a table that isn't there. That of old, which nft(8) doesn't show, is always there. */
function rulesOf(table: Table): Rules | undefined {
  if (run('iptables', '--version')?.includes('nf_tables')) {
    const tables = run('nft', 'list', 'tables');
    if (tables === undefined) return undefined;
    if (!tables.split('\n').includes(`table ip ${table}`)) return 'no table';
  }
  return run('iptables', '-w', '-t', table, '-S')?.trim().split('\n');
}

/** As `3: docker0: <...` or, with a peer, `5: veth1@if4: <...`. */
function devices(): string[] {
  const lines = run('ip', '-o', 'link')?.trim().split('\n') ?? [];
  return lines.map((line) => line.split(': ')[1]!.split('@')[0]!);
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
