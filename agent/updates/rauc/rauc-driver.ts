import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OfferedUpdate } from '../../../core/updates/agent-protocol.ts';
import { abortableDelay } from '../../abortable-delay.ts';
import { downloadFiles } from '../download.ts';
import { requireRoom } from '../disk-room.ts';
import { type UpdateDriver, UpdateFailure } from '../driver.ts';
import { must, type RunCommand } from '../run-command.ts';
import { bootedSlot, otherSlots, parseStatus, type RaucStatus } from './slots.ts';

export interface RaucOptions {
  readonly run: RunCommand;
  /** For bundles. */
  readonly folder: string;
  readonly ca: string | undefined;
}

const STATUS_MS = 60_000;
const INSTALL_MS = 3_600_000;
const BUSY_MS = 5_000;
const BUSY_TRIES = 720;

/**
 * RAUC (https://rauc.readthedocs.io): signed bundles, written to the slot that isn't booted. With `activate-installed=false` in its
 * system.conf, a bundle that is written isn't booted before the host has its turn; without, a reboot in between boots it, and the agent
 * takes it from there.
 */
export function raucDriver({ run, folder, ca }: RaucOptions): UpdateDriver {
  const status = async (): Promise<RaucStatus> =>
    parseStatus(await must(run, 'rauc', ['status', '--detailed', '--output-format=json'], { timeoutMs: STATUS_MS }));
  const mark = (how: 'mark-good' | 'mark-bad' | 'mark-active', slot: string) =>
    must(run, 'rauc', ['status', how, slot], { timeoutMs: STATUS_MS });

  return {
    takesTurns: true,
    bootsInto: true,

    async problem() {
      const { code, log } = await run('rauc', ['status', '--output-format=json'], { timeoutMs: STATUS_MS });
      return code === 0 ? undefined : `rauc can't be used: ${log.trim() || `it ended with code ${code}`}`;
    },

    async status() {
      return bootedSlot(await status()).version ?? (await imageVersion()) ?? '0';
    },

    async check(update) {
      bundleOf(update);
      await requireRoom(folder, update);
    },

    download: (update, signal) => downloadFiles(update, folder, { ca, signal }),

    async stage(update, signal) {
      const bundle = join(folder, bundleOf(update));
      for (let tries = 1; ; tries++) {
        const { code, log } = await run('rauc', ['install', bundle], { timeoutMs: INSTALL_MS, signal });
        if (code === 0) break;
        // Of an agent before this one: the service goes on without whoever asked it.
        if (!/already processing/i.test(log) || tries === BUSY_TRIES)
          throw new UpdateFailure('stageFailed', withoutProgress(log));
        await abortableDelay(BUSY_MS, signal);
      }
      const written = otherSlots(await status()).find(({ version }) => version === update.version);
      if (!written)
        throw new UpdateFailure(
          'stageFailed',
          `the bundle does not say that it is version ${update.version}, as its package does`,
        );
    },

    async activate(update) {
      const target = otherSlots(await status()).find(({ version }) => version === update.version);
      if (!target) throw new UpdateFailure('activateFailed', `no slot holds version ${update.version}`);
      await mark('mark-active', target.name);
      return 'reboot';
    },

    async confirm() {
      await mark('mark-good', 'booted');
    },

    async rollback(update) {
      const found = await status();
      if (bootedSlot(found).version !== update.version) {
        await mark('mark-active', 'booted');
        const bad = otherSlots(found).find(({ version }) => version === update.version);
        if (bad) await mark('mark-bad', bad.name);
        return 'running';
      }
      const [old] = otherSlots(found);
      if (!old) return 'impossible';
      // In this order: the power may fail between the two.
      await mark('mark-active', old.name);
      await mark('mark-bad', 'booted');
      return 'reboot';
    },

    // Boot loaders count attempts: one that isn't told that a boot went well goes to the other slot in the end.
    async keep() {
      await mark('mark-good', 'booted');
    },

    async discard() {
      const found = await status();
      if (found.primary !== bootedSlot(found).name) await mark('mark-active', 'booted');
      await mark('mark-good', 'booted');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function bundleOf({ files, package: name }: OfferedUpdate): string {
  if (files.length === 1 && files[0]!.name.endsWith('.raucb')) return files[0]!.name;
  throw new UpdateFailure(
    'unsuitable',
    `the package ${name} is none for RAUC: it must have one file, with a name that ends with .raucb`,
  );
}

/** For a slot that wasn't written by RAUC: what the system's image says of itself (os-release(5)). */
async function imageVersion(): Promise<string | undefined> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^IMAGE_VERSION="?([^"\n]+)"?$/m.exec(text)?.[1];
}

const withoutProgress = (log: string): string =>
  log
    .split('\n')
    .filter((line) => !/^\s*\d+% /.test(line) && !/^(installing|idle)?$/.test(line.trim()))
    .join('\n');
