import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** How install.sh laid out this host (agent/install). */
export interface Installation {
  /** /opt/terrane */
  readonly base: string;
  /** Link to the version that runs. */
  readonly current: string;
  readonly versions: string;
  /** Written before a switch, removed when the new version is healthy. Lines of key=value, for agent/install/upgrade-guard.sh. */
  readonly pending: string;
  /** How the last upgrade ended, in the same form. */
  readonly result: string;
  readonly guard: string;
  /** What install.sh filled the templates of its files with, in the same form: data, link, unit, docker, server, exec. */
  readonly values: string;
  /** Name of the version that this process is, below `versions`; undefined: a program beside it. */
  readonly running: string | undefined;
}

export function installationAt(base: string, running?: string): Installation {
  return {
    base,
    current: join(base, 'current'),
    versions: join(base, 'versions'),
    pending: join(base, 'upgrade.pending'),
    result: join(base, 'upgrade.result'),
    guard: join(base, 'upgrade-guard.sh'),
    values: join(base, 'etc/installation'),
    running,
  };
}

/** Where the program that runs belongs to: `<base>/versions/<version>/lib/agent.mjs`. undefined: it was not installed by install.sh as a service. */
export function ownInstallation(program: string | undefined): Installation | undefined {
  const [, base, running] = /^(\/.+)\/versions\/([^/]+)\/lib\/[^/]+$/.exec(program ?? '') ?? [];
  const found = base === undefined ? undefined : installationAt(base, running);
  return found && existsSync(found.guard) && existsSync('/run/systemd/system') ? found : undefined;
}

/** Values have no line ends. */
export function keyValues(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

export function parseKeyValues(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^([a-z]+)=(.*)$/gm)].map(([, key, value]) => [key!, value!]));
}
