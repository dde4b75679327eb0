import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OfferedUpdate } from '../../../core/updates/agent-protocol.ts';
import { writeAtomic } from '../../files/atomic-file.ts';
import { downloadFiles } from '../download.ts';
import { type UpdateDriver, UpdateFailure } from '../driver.ts';
import { must, type RunCommand } from '../run-command.ts';
import { bootedDeployment, type Deployment, parseDeployments } from './deployments.ts';

export interface FcosOptions {
  readonly run: RunCommand;
  readonly folder: string;
  readonly ca: string | undefined;
  /** As Node names it. */
  readonly architecture: string;
  /** Where the system lies; for tests. */
  readonly root?: string;
}

const ZINCATI = '# Written by the Terrane agent: it updates this host.\n[updates]\nenabled = false\n';
const DEPLOY_MS = 3_600_000;

/**
 * Fedora CoreOS: a package is a release's `release.json`, as its makers publish it; the commit in it is deployed by rpm-ostree. zincati, which would do the
 * same by its makers' rollout, is told not to.
 */
export function fcosDriver({ run, folder, ca, architecture, root = '/' }: FcosOptions): UpdateDriver {
  const dropIn = join(root, 'etc/zincati/config.d/90-terrane.toml');
  const ostree = (args: readonly string[], timeoutMs = DEPLOY_MS, signal?: AbortSignal) =>
    must(run, 'rpm-ostree', args, { timeoutMs, ...(signal && { signal }) });
  const deployments = async (): Promise<Deployment[]> => parseDeployments(await ostree(['status', '--json'], 60_000));
  const findStaged = async (checksum: string) => (await deployments()).find((one) => one.checksum === checksum && !one.booted);

  async function checksumOf(update: OfferedUpdate): Promise<string> {
    return commitOf(await readFile(join(folder, releaseOf(update)), 'utf8'), update.version, architecture);
  }

  return {
    takesTurns: true,
    bootsInto: true,

    async problem() {
      const { code, log } = await run('rpm-ostree', ['status', '--json']);
      if (code !== 0) return `rpm-ostree can't be used: ${log.trim()}`;
      if ((await readFile(dropIn, 'utf8').catch(() => undefined)) === ZINCATI) return undefined;
      await mkdir(dirname(dropIn), { recursive: true });
      await writeAtomic(dropIn, ZINCATI, 0o644);
      await run('systemctl', ['try-restart', 'zincati.service']);
      return undefined;
    },

    status: async () => bootedDeployment(await deployments()).version,

    async check(update) {
      releaseOf(update);
    },

    download: (update, signal) => downloadFiles(update, folder, { ca, signal }),

    async stage(update, signal) {
      const checksum = await checksumOf(update);
      if (await findStaged(checksum)) return;
      // Locked: a reboot that comes before this host's turn doesn't lead into it. Past zincati, which has registered as what updates this host.
      await ostree(
        ['deploy', '--lock-finalization', '--skip-branch-check', '--bypass-driver', `revision=${checksum}`],
        DEPLOY_MS,
        signal,
      );
      if (!(await findStaged(checksum)))
        throw new UpdateFailure('stageFailed', `rpm-ostree has no deployment of ${checksum} after deploying it`);
    },

    async activate(update) {
      // This reboots; the machine that is told to reboot once more is on its way already.
      await ostree(['finalize-deployment', await checksumOf(update)]);
      return 'reboot';
    },

    // A deployment that was booted is the default until the next one.
    async confirm() {},

    async rollback(update) {
      if (bootedDeployment(await deployments()).version !== update.version) {
        await ostree(['cleanup', '--pending']);
        return 'running';
      }
      if ((await deployments()).length < 2) return 'impossible';
      await ostree(['rollback']);
      return 'reboot';
    },

    async discard(update) {
      const [first] = await deployments();
      if (first && !first.booted && first.version === update.version) await ostree(['cleanup', '--pending']);
    },
  };
}

function releaseOf({ files, package: name }: OfferedUpdate): string {
  if (files.length === 1 && files[0]!.name.endsWith('.json')) return files[0]!.name;
  throw new UpdateFailure(
    'unsuitable',
    `the package ${name} is none for Fedora CoreOS: it must have one file, the release.json of a release`,
  );
}

/** The OSTree commit of a release for this machine (https://github.com/coreos/stream-metadata-go, release). */
function commitOf(json: string, version: string, architecture: string): string {
  const arch = { x64: 'x86_64', arm64: 'aarch64', amd64: 'x86_64' }[architecture] ?? architecture;
  let release: { readonly release?: string; readonly architectures?: Readonly<Record<string, { readonly commit?: string }>> };
  try {
    release = JSON.parse(json) as typeof release;
  } catch {
    throw new UpdateFailure('unsuitable', 'the file of the package is no release.json');
  }
  if (release.release !== version)
    throw new UpdateFailure(
      'unsuitable',
      `the file of the package is of release ${release.release}, and the package of ${version}`,
    );
  const commit = release.architectures?.[arch]?.commit;
  if (commit === undefined || !/^[0-9a-f]{64}$/.test(commit))
    throw new UpdateFailure('unsuitable', `release ${version} names no commit for ${arch}`);
  return commit;
}
