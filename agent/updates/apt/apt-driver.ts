import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OfferedUpdate } from '../../../core/updates/agent-protocol.ts';
import { writeAtomic } from '../../files/atomic-file.ts';
import { downloadFiles } from '../download.ts';
import { type UpdateDriver, UpdateFailure } from '../driver.ts';
import { CommandFailed, must, type RunCommand } from '../run-command.ts';
import { rebootReason, runningOldCode } from './needs-restart.ts';

export interface AptOptions {
  readonly run: RunCommand;
  readonly folder: string;
  readonly ca: string | undefined;
  /** For people: what stays as it was, what runs on with old code. */
  readonly remark: (message: string) => void;
}

const UPDATE_MS = 600_000;
const UPGRADE_MS = 3_600_000;

/**
 * Debian and Ubuntu: a package is a sources file (deb822, sources.list(5)) that names a dated snapshot or another repository, and an update
 * is `apt-get upgrade` to what is in there and nowhere else. The host's own sources stay as they are, and so do packages on hold.
 *
 * It isn't atomic: packages are replaced one after the other, under what runs. And there is no way back: what was installed stays.
 */
export function aptDriver({ run, folder, ca, remark }: AptOptions): UpdateDriver {
  const path = (...names: string[]) => join(folder, ...names);
  const versionFile = path('version');
  const settings: Readonly<Record<string, string>> = {
    'Dir::Etc::SourceList': '/dev/null',
    'Dir::Etc::SourceParts': `${path('sources')}/`,
    'Dir::State::Lists': `${path('lists')}/`,
    'Dir::Cache::Archives': `${path('archives')}/`,
    // Kept by nobody: they would be of other sources than the host's.
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'APT::Update::Error-Mode': 'any',
    'APT::Get::Assume-Yes': 'true',
    // Another apt at work is waited for.
    'DPkg::Lock::Timeout': '300',
    // What a person has configured stays.
    'Dpkg::Options::': '--force-confold',
  };
  const options = [
    ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    '-o',
    'Dpkg::Options::=--force-confdef',
  ];
  async function apt(args: readonly string[], timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { code, log } = await run('apt-get', [...options, ...args], {
      timeoutMs,
      ...(signal && { signal }),
      // needrestart only lists: restarting services is for people, and the engine's are not its.
      env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' },
    });
    if (code !== 0) throw new CommandFailed(`apt-get ${args.at(-1)}`, code, log);
  }

  return {
    takesTurns: true,
    bootsInto: false,

    async problem() {
      const { code, log } = await run('apt-get', ['--version']);
      return code === 0 ? undefined : `apt-get can't be used: ${log.trim()}`;
    },

    async status() {
      const text = await readFile(versionFile, 'utf8').catch(() => '');
      return text.trim() || '0';
    },

    async check(update) {
      sourcesOf(update);
    },

    download: (update, signal) => downloadFiles(update, path('offered'), { ca, signal }),

    async stage(update, signal) {
      await rm(path('sources'), { recursive: true, force: true });
      for (const name of ['sources', 'lists', 'archives']) await mkdir(path(name), { recursive: true, mode: 0o755 });
      await copyFile(path('offered', sourcesOf(update)), path('sources', 'terrane.sources'));
      await apt(['update'], UPDATE_MS, signal);
      await apt(['--with-new-pkgs', '--download-only', 'upgrade'], UPGRADE_MS, signal);
    },

    async activate(update, signal) {
      await finishInterrupted(run);
      // Not to be ended half-way because the agent stops: dpkg would leave packages unpacked and not configured.
      await apt(['--with-new-pkgs', '--no-download', 'upgrade'], UPGRADE_MS, undefined);
      if (signal.aborted) throw new CommandFailed('apt-get upgrade', -1, 'the agent is stopping');
      await writeAtomic(versionFile, `${update.version}\n`);
      const held = (await run('apt-mark', ['showhold'])).stdout.trim().split('\n').filter(Boolean);
      if (held.length > 0) remark(`on hold, and not upgraded: ${held.join(', ')}`);
      const reason = await rebootReason(await rootOf(run));
      if (reason !== undefined) {
        remark(`this host reboots: ${reason}`);
        return 'reboot';
      }
      const old = await runningOldCode();
      if (old.length > 0) remark(`these run on with code that was replaced, until they are restarted: ${old.join(', ')}`);
      return 'running';
    },

    async confirm() {},

    rollback: async () => 'impossible',

    async discard() {
      for (const name of ['offered', 'archives']) await rm(path(name), { recursive: true, force: true });
    },
  };
}

function sourcesOf({ files, package: name }: OfferedUpdate): string {
  if (files.length === 1 && files[0]!.name.endsWith('.sources')) return files[0]!.name;
  throw new UpdateFailure(
    'unsuitable',
    `the package ${name} is none for apt: it must have one file, with a name that ends with .sources`,
  );
}

/** Where the system lies that apt looks after. */
async function rootOf(run: RunCommand): Promise<string> {
  const { stdout } = await run('apt-config', ['dump', '--no-empty', '--format', '%v%n', 'Dir']);
  return stdout.split('\n', 1)[0] || '/';
}

/** What a host that lost power amid an upgrade needs first. With dpkg's options as apt has them. */
async function finishInterrupted(run: RunCommand): Promise<void> {
  const configured = (await run('apt-config', ['dump', '--no-empty', '--format', '%v%n', 'DPkg::Options'])).stdout;
  const args = configured.split('\n').filter((line) => line.startsWith('--'));
  await must(run, 'dpkg', [...args, '--configure', '-a'], { timeoutMs: UPGRADE_MS, env: { DEBIAN_FRONTEND: 'noninteractive' } });
}
