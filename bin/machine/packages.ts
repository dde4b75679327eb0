import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A Debian package, and a file or command that shows it is there however it was installed. */
export interface Requirement {
  readonly package: string;
  readonly provides: string;
  readonly why: string;
}

export const DOCKER: Requirement = { package: 'docker.io', provides: 'dockerd', why: 'hosts run containers with Docker Engine' };
export const IPTABLES: Requirement = { package: 'iptables', provides: 'iptables', why: "Docker's bridge network" };
export const IPROUTE: Requirement = { package: 'iproute2', provides: 'ip', why: "the pods' network" };
export const NFTABLES: Requirement = { package: 'nftables', provides: 'nft', why: 'Services are routed by it' };

/** Whether a command or absolute path is there. sbin is looked at too: it isn't on every user's PATH. */
export function present(provides: string): boolean {
  if (provides.startsWith('/')) return existsSync(provides);
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  return places.some((place) => existsSync(join(place, provides)));
}

/**
 * Installs what is missing through apt, saying so, when this is root on a Debian-like machine. Otherwise returns what is still
 * missing, for a message that tells the person what to install.
 */
export function ensurePackages(requirements: readonly Requirement[], say: (line: string) => void): readonly Requirement[] {
  const missing = requirements.filter((requirement) => !present(requirement.provides));
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0 || !present('apt-get')) return missing;
  const names = missing.map((requirement) => requirement.package);
  for (const requirement of missing) say(`installing the Debian package ${requirement.package}: ${requirement.why}`);
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-q', '-y', ...args], {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
  apt('update');
  const result = apt('install', '--no-install-recommends', ...names);
  const still = missing.filter((requirement) => !present(requirement.provides));
  if (still.length > 0)
    say(`apt-get could not install ${names.join(' ')}:\n${(result.stderr || result.stdout || '').trim().slice(-2000)}`);
  return still;
}

/** What to tell a person whose machine lacks something that we may not install ourselves. */
export function describeMissing(missing: readonly Requirement[]): string {
  const names = missing.map((requirement) => requirement.package).join(' ');
  const reasons = missing.map((requirement) => `  ${requirement.package}: ${requirement.why}`).join('\n');
  return `missing on this machine:\n${reasons}\ninstall them (on Debian: sudo apt-get install ${names}) and run this again`;
}
