import { access, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../../core/ports/logger.ts';
import { type Finished, runCommand } from '../../kernel/command.ts';
import { endProgram } from './end-program.ts';

/** What runs WireGuard where the kernel can't. */
export const USERSPACE = 'wireguard-go';
/**
 * Its service, where systemd runs the machine: a process of the agent's own would end with the agent's service, and with it what goes
 * between hosts, at each restart and upgrade. Transient (systemd-run(1)): with the process, or at the next boot, it is gone. uninstall.sh knows the name.
 */
export const USERSPACE_SERVICE = 'terrane-wireguard.service';

/** It answers within this, ms. */
const START_MS = 10_000;
const LOOK_MS = 50;

export interface Userspace {
  /** Makes the device. Throws ToolMissing where the program isn't installed, and an Error that says why it didn't start. */
  start(device: string): Promise<void>;
}

export interface UserspaceOptions {
  readonly log: Logger;
  readonly run?: (command: string, args: readonly string[]) => Promise<Finished>;
  /** systemd runs this machine, and its services see what this process sees. */
  readonly hasServices?: () => Promise<boolean>;
  readonly end?: (program: string, device: string) => Promise<void>;
}

export function userspace({
  log,
  run = runCommand,
  hasServices = servicesAreHere,
  end = endProgram,
}: UserspaceOptions): Userspace {
  async function answers(device: string): Promise<boolean> {
    return (await run('wg', ['show', device])).code === 0;
  }

  /** False, with a line in the log, if systemd wouldn't. */
  async function asService(device: string): Promise<boolean> {
    // One that has no device (any more), or doesn't answer.
    await run('systemctl', ['stop', '--', USERSPACE_SERVICE]);
    const { code, stderr } = await run('systemd-run', [
      '--quiet',
      '--collect',
      `--unit=${USERSPACE_SERVICE}`,
      "--description=Terrane: WireGuard for the pods' network",
      '--property=OOMScoreAdjust=-500',
      '--property=TimeoutStopSec=5',
      '--',
      USERSPACE,
      '--foreground',
      device,
    ]);
    if (code !== 0) {
      log.warn(`${USERSPACE} can not have a service of its own, and ends with the agent`, { reason: lastLine(stderr) });
      return false;
    }
    for (let waited = 0; waited < START_MS; waited += LOOK_MS) {
      if (await answers(device)) return true;
      await delay(LOOK_MS);
    }
    throw new Error(`${USERSPACE} did not start: see journalctl -u ${USERSPACE_SERVICE}`);
  }

  return {
    async start(device) {
      // Whether it is there at all: systemd-run says it in words of its own.
      await run(USERSPACE, ['--version']);
      // One that hangs.
      await end(USERSPACE, device);
      if ((await hasServices()) && (await asService(device))) return;
      const { code, stdout, stderr } = await run(USERSPACE, [device]);
      // Its errors are printed among what it prints anyway; on the other way is an advertisement of the kernel's WireGuard.
      if (code !== 0) throw new Error(`${USERSPACE} did not start: ${lastLine(stdout) || lastLine(stderr)}`);
    },
  };
}

/** An agent in a container or a network of its own would get a device that is somewhere else. */
async function servicesAreHere(): Promise<boolean> {
  try {
    await access('/run/systemd/system');
    for (const kind of ['net', 'mnt']) {
      const [own, first] = await Promise.all([readlink(`/proc/self/ns/${kind}`), readlink(`/proc/1/ns/${kind}`)]);
      if (own !== first) return false;
    }
    return true;
  } catch {
    return false;
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
