import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { killByCgroup } from './kill-by-cgroup.ts';

/** How systemd, and the kernel, are reached without a bus. */
export interface WithoutBus {
  /** The command, in tests with what gets it to the host. */
  readonly systemctl: readonly string[];
  /** /sys/fs/cgroup */
  readonly cgroups: string;
}

export const HOST_WITHOUT_BUS: WithoutBus = { systemctl: ['systemctl'], cgroups: '/sys/fs/cgroup' };

/** A systemd that hangs answers systemctl no more than it answers a bus. */
const ANSWER_MS_MAX = 5_000;

/**
 * What must not run in two places must not wait for a bus: systemctl reaches systemd without one. `over`: the units' time for stopping is, and they are
 * killed, which takes no systemd either. Throws what systemctl says, once all is done that can be.
 */
export async function stopWithoutBus({ systemctl, cgroups }: WithoutBus, units: readonly string[], over: boolean): Promise<void> {
  const [program = '', ...first] = systemctl;
  const ask = (words: readonly string[], names: readonly string[]) =>
    promisify(execFile)(program, [...first, ...words, '--', ...names], { timeout: ANSWER_MS_MAX, killSignal: 'SIGKILL' });
  const kill = async () => {
    const found = await Promise.all(units.map((unit) => killByCgroup(cgroups, unit)));
    return units.filter((_, at) => !found[at]);
  };
  if (!over) return void (await ask(['stop', '--no-block'], units));
  const unseen = await kill();
  try {
    // Else systemd starts one with Restart= again; and a timer or a socket has no processes that could be killed.
    await ask(['stop', '--no-block'], units);
    // A host whose cgroups are somewhere else. Most have just no process.
    if (unseen.length > 0) await ask(['kill', '--signal=KILL'], unseen).catch(() => undefined);
  } finally {
    // What systemd has started in between, and what it runs for the stop.
    await kill();
  }
}
