import { readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { OfferedUpdate } from '../../../core/updates/agent-protocol.ts';
import type { Installation } from '../../upgrade/installation.ts';
import type { AgentUpgrade } from '../../upgrade/upgrade.ts';
import { requireRoom } from '../disk-room.ts';
import { downloadFiles } from '../download.ts';
import { type UpdateDriver, UpdateFailure } from '../driver.ts';

export interface SelfOptions {
  /** Undefined: this agent wasn't installed by install.sh as a service. */
  readonly installed:
    | {
        readonly installation: Installation;
        /** One that doesn't restart by itself: what comes next is written down first. */
        readonly upgrade: AgentUpgrade;
      }
    | undefined;
  /** Of this agent. */
  readonly version: string;
  readonly folder: string;
  readonly ca: string | undefined;
}

/**
 * The agent itself: the archive of a version is unpacked beside the one that runs, the link is moved, and the service starts it. Containers run
 * on. An agent that doesn't start, or doesn't reach the control plane, is taken back by the guard beside it; one that does and isn't well all
 * the same, by itself.
 */
export function selfDriver({ installed, version, folder, ca }: SelfOptions): UpdateDriver {
  const own = () => {
    if (installed) return installed;
    throw new UpdateFailure('unsuitable', NOT_INSTALLED);
  };
  return {
    takesTurns: false,
    bootsInto: false,
    problem: async () => (installed ? undefined : NOT_INSTALLED),
    status: async () => version,

    async check(update) {
      archiveOf(update);
      await requireRoom(folder, update);
    },

    download: (update, signal) => downloadFiles(update, folder, { ca, signal }),

    // Unpacking and switching belong together: they are undone together.
    async stage() {},

    async activate(update) {
      if (version === update.version) return 'running';
      const { name, sha256 } = archiveOf(update);
      await own().upgrade.upgradeTo(update.version, join(folder, name), sha256);
      return 'restart';
    },

    async confirm() {
      await own().upgrade.healthy();
    },

    async rollback(update) {
      const { installation } = own();
      if (version !== update.version) return 'running';
      const current = await readlink(installation.current);
      const before = (await readdir(installation.versions)).find((name) => !name.startsWith('.') && name !== basename(current));
      if (before === undefined) return 'impossible';
      await rm(`${installation.current}.new`, { force: true });
      await symlink(join(installation.versions, before), `${installation.current}.new`);
      await rename(`${installation.current}.new`, installation.current);
      await rm(installation.pending, { force: true });
      return 'restart';
    },

    async explain() {
      const last = await installed?.upgrade.last();
      return last && last.outcome !== 'healthy' ? `${last.version} ${last.reason}` : undefined;
    },

    async discard() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const NOT_INSTALLED = 'this agent was not installed by install.sh as a service of systemd: whoever starts it has to update it';

function archiveOf({ files, package: name }: OfferedUpdate): { name: string; sha256: string } {
  const [file] = files;
  if (file && files.length === 1 && /\.(tar\.gz|tgz)$/.test(file.name)) return file;
  throw new UpdateFailure(
    'unsuitable',
    `the package ${name} is none for the agent: it must have one file, an archive that install.sh takes (.tar.gz)`,
  );
}
