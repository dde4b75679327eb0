import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What dockerd leaves on a machine when it ends: its bridge, its chains and the rules that lead to them (those of IPv6 since Docker 27, those of the
 * table `raw` since 28), forwarding, its cgroups. Noted before one is started on a machine where none runs, so that afterwards what was not there
 * before can be taken away.
 */
export interface DockerTraces {
  readonly devices: readonly string[];
  readonly families: Readonly<Record<Family, FamilyTraces>>;
  readonly cgroups: readonly string[];
}

interface FamilyTraces {
  /** By name (FAMILIES has them): what sysctl says of its forwarding. */
  readonly forwarding: Readonly<Record<string, string>>;
  /** By table: what `iptables -S` says. Undefined: it can't be known, and then nothing of it is touched. */
  readonly rules: Readonly<Partial<Record<Table, Rules>>>;
}

type Rules = readonly string[] | 'no table';
type Table = 'filter' | 'nat' | 'raw';
const TABLES: readonly Table[] = ['filter', 'nat', 'raw'];

/** As nft names them. The first setting of forwarding is that of packets; who comes later has the second. */
type Family = 'ip' | 'ip6';
const FAMILIES: Readonly<Record<Family, { readonly tool: string; readonly settings: readonly string[] }>> = {
  ip: { tool: 'iptables', settings: ['net.ipv4.ip_forward'] },
  ip6: { tool: 'ip6tables', settings: ['net.ipv6.conf.all.forwarding', 'net.ipv6.conf.default.forwarding'] },
};

const OF_DOCKER = /\bdocker0\b|\bDOCKER\b|\bDOCKER-/;
const OF_PEOPLE = /\bDOCKER-USER\b/;

export function noteDockerTraces(): DockerTraces {
  return {
    devices: devices(),
    families: { ip: noteFamily('ip'), ip6: noteFamily('ip6') },
    cgroups: cgroups(),
  };
}

function noteFamily(family: Family): FamilyTraces {
  return {
    forwarding: Object.fromEntries(FAMILIES[family].settings.map((name) => [name, setting(name)])),
    rules: Object.fromEntries(TABLES.map((table) => [table, rulesOf(family, table)])),
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
  for (const family of ['ip', 'ip6'] as const) for (const table of TABLES) removeRules(family, table, before.families[family]);
  const onBridge = run('ip', '-o', 'link', 'show', 'master', 'docker0');
  if (!before.devices.includes('docker0') && onBridge === '') run('ip', 'link', 'del', 'docker0');
  // Who made them (a VPN, virtual machines) found it on, and may need it.
  const fresh = devices().filter((device) => !before.devices.includes(device));
  if (fresh.length > 0) return;
  for (const { forwarding } of Object.values(before.families))
    for (const [name, value] of Object.entries(forwarding))
      if (value === '0' && setting(name) === '1') run('sysctl', '-qw', `${name}=0`);
}

function removeRules(family: Family, table: Table, { rules, forwarding }: FamilyTraces): void {
  const { tool, settings } = FAMILIES[family];
  const before = rules[table];
  const now = rulesOf(family, table);
  if (before === undefined || now === undefined || now === 'no table') return;
  const fresh = now.filter((rule) => !before.includes(rule));
  // Docker itself writes but the last there: it is for people's own.
  const peoples = fresh.some((rule) => rule.startsWith('-A DOCKER-USER ') && rule !== '-A DOCKER-USER -j RETURN');
  const ours = fresh.filter((rule) => OF_DOCKER.test(rule) && !(peoples && OF_PEOPLE.test(rule)));
  const iptables = (...args: string[]) => run(tool, '-w', '-t', table, ...args);
  for (const rule of ours.filter((one) => one.startsWith('-A '))) iptables('-D', ...rule.split(' ').slice(1));
  for (const rule of ours.filter((one) => one.startsWith('-N '))) iptables('-X', rule.split(' ')[1]!);
  // It drops what is forwarded on a machine where it had to turn forwarding on. On another one it was not Docker.
  const accepted = before === 'no table' || before.includes('-P FORWARD ACCEPT');
  if (forwarding[settings[0]!] === '0' && accepted && fresh.includes('-P FORWARD DROP')) iptables('-P', 'FORWARD', 'ACCEPT');
  // iptables makes the table for the first rule, and leaves it.
  const left = rulesOf(family, table);
  if (before === 'no table' && Array.isArray(left) && left.every((rule) => rule.startsWith('-P ') && rule.endsWith(' ACCEPT')))
    run('nft', 'delete', 'table', family, table);
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
function rulesOf(family: Family, table: Table): Rules | undefined {
  const { tool } = FAMILIES[family];
  if (run(tool, '--version')?.includes('nf_tables')) {
    const tables = run('nft', 'list', 'tables');
    if (tables === undefined) return undefined;
    if (!tables.split('\n').includes(`table ${family} ${table}`)) return 'no table';
  }
  return run(tool, '-w', '-t', table, '-S')?.trim().split('\n');
}

/** As `3: docker0: <...` or, with a peer, `5: veth1@if4: <...`. */
function devices(): string[] {
  const lines = run('ip', '-o', 'link')?.trim().split('\n') ?? [];
  return lines.map((line) => line.split(': ')[1]!.split('@')[0]!);
}

/** Empty where the kernel doesn't have it. */
function setting(name: string): string {
  return run('sysctl', '-n', name)?.trim() ?? '';
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
