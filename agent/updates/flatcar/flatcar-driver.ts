import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeAtomic } from '../../files/atomic-file.ts';
import type { SelfUpdatingDriver } from '../driver.ts';
import { must, type RunCommand } from '../run-command.ts';
import { updateConf } from './update-conf.ts';

export interface FlatcarOptions {
  readonly run: RunCommand;
  /** Name of the UpdateGroup. */
  readonly group: string;
  /** Where update_engine asks: the agent's own relay, by which this host's signature goes with each question. */
  readonly omahaUrl: () => string;
  /** Where the system lies; for tests. */
  readonly root?: string;
}

const MANAGER = ['com.coreos.update1', '/com/coreos/update1', 'com.coreos.update1.Manager'] as const;

/**
 * Flatcar and Container Linux: update_engine asks, downloads and writes as it always does, and says by Omaha what becomes of it. The agent points
 * it at the group, waits for this host's turn when an update is written, and goes back if the host isn't well with it.
 */
export function flatcarDriver({ run, group, omahaUrl, root = '/' }: FlatcarOptions): SelfUpdatingDriver {
  const conf = join(root, 'etc/flatcar/update.conf');

  return {
    takesTurns: true,
    bootsInto: true,

    async problem() {
      const before = await readFile(conf, 'utf8').catch(() => '');
      // The turns are the agent's: locksmithd would reboot without them.
      const after = updateConf(before, { GROUP: group, SERVER: omahaUrl(), REBOOT_STRATEGY: 'off' });
      if (after !== before) {
        await mkdir(dirname(conf), { recursive: true });
        await writeAtomic(conf, after, 0o644);
      }
      const { code, log } = await run('busctl', ['--system', 'call', ...MANAGER, 'GetStatus']);
      return code === 0 ? undefined : `update_engine does not answer on D-Bus: ${log.trim()}`;
    },

    async status() {
      for (const path of ['usr/lib/os-release', 'etc/os-release']) {
        const version = /^VERSION_ID="?([^"\n]+)"?$/m.exec(await readFile(join(root, path), 'utf8').catch(() => ''))?.[1];
        if (version !== undefined) return version;
      }
      throw new Error('os-release names no VERSION_ID');
    },

    async staged() {
      const json = await must(run, 'busctl', ['--system', '--json=short', 'call', ...MANAGER, 'GetStatus']);
      const { data } = JSON.parse(json) as { readonly data: readonly [number, number, string, string, number] };
      const [, , operation, version] = data;
      if (!/(^|_)UPDATED_NEED_REBOOT$/.test(operation)) return undefined;
      return { package: `flatcar-${version}`, version, url: '', files: [] };
    },

    // It is the next to be booted from the moment that it is written.
    activate: async () => 'reboot',

    // update_engine does that, once the system has been up for a while.
    async confirm() {},

    async rollback(update) {
      if ((await this.status()) !== update.version) return 'running';
      // https://www.flatcar.org/docs/latest/setup/debug/manual-rollbacks/
      const booted = (await must(run, 'rootdev', ['-s', '/usr'])).trim();
      const partitions = (await must(run, 'cgpt', ['find', '-t', 'flatcar-usr'])).trim().split('\n');
      const other = partitions.find((partition) => partition !== '' && partition !== booted);
      if (other === undefined || !partitions.includes(booted)) return 'impossible';
      await must(run, 'cgpt', ['prioritize', other]);
      return 'reboot';
    },

    async discard() {},
  };
}
