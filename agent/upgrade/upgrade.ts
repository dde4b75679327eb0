import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants, mkdir, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { messageOf } from '../docker/errors.ts';
import { writeAtomic } from '../files/atomic-file.ts';
import { readIfThere } from '../files/read-if-there.ts';
import { type Installation, keyValues, parseKeyValues } from './installation.ts';
import { type ServiceFiles, serviceFiles } from './service-files.ts';

/** The agent's own upgrade: a version beside the others, a link that is moved, and a way back that needs nobody. */
export interface AgentUpgrade {
  /**
   * Puts `version` in the place of the one that runs, and has the service start it. `artefact` is the archive that install.sh takes, on this
   * disk; `sha256` what it must be, as hexadecimal digits. Throws UpgradeError, and then nothing has changed. When it returns, this process is
   * about to be ended. The version before comes back by itself if the new one ends three times or isn't healthy in time.
   */
  upgradeTo(version: string, artefact: string, sha256: string): Promise<void>;
  /** This agent is healthy: the control plane has answered it. An upgrade to it is done; one to another version is none of its business. */
  healthy(): Promise<void>;
  /** Is there an upgrade to this agent that nobody has found good yet? */
  pending(): Promise<boolean>;
  /** How the last one ended; undefined before the first. */
  last(): Promise<UpgradeResult | undefined>;
}

export interface UpgradeResult {
  readonly version: string;
  readonly outcome: 'healthy' | 'rolled-back' | 'not-begun' | 'kept';
  /** A sentence; '' when it is healthy. */
  readonly reason: string;
}

export class UpgradeError extends Error {
  override readonly name = 'UpgradeError';
}

export interface AgentUpgradeOptions {
  readonly installation: Installation;
  readonly now: () => number;
  /** How long the new version may take to become healthy. */
  readonly healthySeconds?: number;
  /** Has a command run after so many seconds, whatever becomes of this process. */
  readonly arm?: (command: readonly string[], seconds: number) => Promise<void>;
  /** Ends this process by a restart of its service. */
  readonly restart?: () => Promise<void>;
  readonly files?: ServiceFiles;
}

const HEALTHY_SECONDS = 180;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+~-]{0,63}$/;
const run = promisify(execFile);

export function agentUpgrade(options: AgentUpgradeOptions): AgentUpgrade {
  const { installation, now, healthySeconds = HEALTHY_SECONDS, arm = armTimer, restart = restartService } = options;
  const { current, versions, pending, result, guard, running } = installation;
  const files = options.files ?? serviceFiles(installation);
  let brought = false;
  const isPending = async () => (await readIfThere(pending)) !== undefined;

  return {
    pending: isPending,
    async upgradeTo(version, artefact, sha256) {
      if (!VERSION.test(version)) throw new UpgradeError(`${version} is no version: letters, digits and . + ~ - are possible`);
      if (await isPending())
        throw new UpgradeError('another upgrade has not been found good yet: wait until it is healthy or rolled back');
      const from = await readlink(current);
      const to = join(versions, `${version}-${sha256.slice(0, 12)}`);
      if (to === from) throw new UpgradeError(`version ${version} runs already`);
      await unpack(artefact, sha256, to, versions);
      const id = String(now());
      const deadline = Math.ceil(now() / 1000) + healthySeconds;
      // From here on whoever starts the agent knows what is going on, and a crash at any point leaves one whole version or the other.
      await writeAtomic(pending, keyValues({ id, version, from, to, deadline, starts: 0 }));
      let switched = false;
      try {
        await arm([guard, 'deadline', id], healthySeconds);
        // Before the link: the guard takes it back if this process ends in between.
        await files.switchUnit(from, to);
        switched = true;
        await moveLink(current, to);
      } catch (error) {
        const back = !switched || (await isDone(files.takeBackUnit(from)));
        // Otherwise the guard does it, at the next start.
        if (back) await rm(pending, { force: true });
        throw new UpgradeError(`the agent could not be switched to ${version}: ${messageOf(error)}`, { cause: error });
      }
      // What can't be removed is in nobody's way: from here on the new version has to be started.
      await removeOthers(versions, [from, to]).catch(() => undefined);
      await restart();
    },
    async healthy() {
      // The old agent is answered, too, until it has ended: that says nothing of the new one.
      const now_ = await readlink(current);
      if (basename(now_) !== running) return;
      const text = await readIfThere(pending);
      if (text !== undefined) {
        const { version = '', to } = parseKeyValues(text);
        if (now_ !== to) return;
        await writeAtomic(result, keyValues({ version, outcome: 'healthy', reason: '' } satisfies UpgradeResult));
        await rm(pending, { force: true });
      }
      if (brought) return;
      await files.bringScripts(now_);
      brought = true;
    },
    async last() {
      const text = await readIfThere(result);
      return text === undefined ? undefined : (parseKeyValues(text) as unknown as UpgradeResult);
    },
  };
}

/** Afterwards `to` is a complete, checked version. */
async function unpack(artefact: string, sha256: string, to: string, versions: string): Promise<void> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(artefact), hash);
  } catch (error) {
    throw new UpgradeError(`the archive can't be read: ${messageOf(error)}`, { cause: error });
  }
  const found = hash.digest('hex');
  if (found !== sha256.toLowerCase())
    throw new UpgradeError(`the archive's checksum is ${found}, not ${sha256}: it is damaged or another one`);
  if (await isThere(join(to, 'bin/terrane-agent'))) return;
  const work = join(versions, `.new.${process.pid}`);
  try {
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { mode: 0o755, recursive: true });
    await run('tar', ['-xzf', artefact, '-C', work, '--no-same-owner']);
    for (const program of ['bin/node', 'bin/terrane-agent', 'lib/agent.mjs']) {
      if (!(await isThere(join(work, program)))) throw new Error(`${program} is not in it`);
    }
    await run(join(work, 'bin/node'), ['--version']);
    // On the disk before anything points to it.
    await run('sync', ['-f', work]);
    await rm(to, { recursive: true, force: true });
    await rename(work, to);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw new UpgradeError(`the archive can't be installed: ${messageOf(error)}`, { cause: error });
  }
}

/** At no moment is there no link. */
async function moveLink(link: string, to: string): Promise<void> {
  await rm(`${link}.new`, { force: true });
  await symlink(to, `${link}.new`);
  await rename(`${link}.new`, link);
}

async function removeOthers(versions: string, keep: readonly string[]): Promise<void> {
  const names = keep.map((path) => basename(path));
  for (const name of await readdir(versions)) {
    if (!names.includes(name)) await rm(join(versions, name), { recursive: true, force: true });
  }
}

async function armTimer(command: readonly string[], seconds: number): Promise<void> {
  // The guard gives it the same name, so that there is one of it.
  const name = `--unit=terrane-agent-upgrade-${command.at(-1)!}`;
  await run('systemd-run', [
    '--quiet',
    '--collect',
    name,
    `--on-active=${seconds}`,
    '--timer-property=AccuracySec=1s',
    ...command,
  ]);
}

async function restartService(): Promise<void> {
  await run('systemctl', ['restart', '--no-block', 'terrane-agent.service']);
}

function isThere(path: string): Promise<boolean> {
  return isDone(access(path, constants.R_OK));
}

function isDone(promise: Promise<void>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
