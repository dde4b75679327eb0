import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What dies may fork until it does: looked at again so often. */
const ROUNDS_MAX = 50;
const ROUND_MS = 20;

/**
 * SIGKILL to every process of a unit of systemd's, found by its cgroup: takes neither systemd nor a bus, either of which may hang. `base` is
 * /sys/fs/cgroup. Gives whether there was such a cgroup. What a kernel doesn't let die (uninterruptible sleep) is left to the next call.
 */
export async function killByCgroup(base: string, unit: string): Promise<boolean> {
  const found = (await Promise.all(hierarchies(base).map((root) => cgroupsOf(root, unit)))).flat();
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const killed = await Promise.all(found.map(kill));
    if (!killed.includes(true)) break;
    await delay(ROUND_MS);
  }
  return found.length > 0;
}

/** Where systemd keeps its own tree: the only hierarchy (v2), or one of its own beside the controllers' (v1; hybrid has both). */
function hierarchies(base: string): string[] {
  if (existsSync(join(base, 'cgroup.controllers'))) return [base];
  return [join(base, 'systemd'), join(base, 'unified')].filter((path) => existsSync(path));
}

/**
 * The unit's cgroups: systemd puts units below slices only. Nothing else is entered, since what lies there is others': a container, or a person's own
 * systemd, may have a unit of the same name.
 */
async function cgroupsOf(directory: string, unit: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(directory, entry.name);
    // A name that a file of the kernel's might have is written with "_" before it.
    if (entry.name === unit || entry.name === `_${unit}`) found.push(path);
    else if (entry.name.endsWith('.slice')) found.push(...(await cgroupsOf(path, unit)));
  }
  return found;
}

/** Was there still something to kill, in it or below? */
async function kill(cgroup: string): Promise<boolean> {
  const all = await below(cgroup);
  const pids = (await Promise.all(all.map(processesOf))).flat();
  // All at once, nothing can be forked away from it: cgroups v2 since Linux 5.14. Not if there are processes that can't be seen from here: where this machine
  // is a container that is shown the cgroups of the machine around it, a unit of that one may have the same name.
  if (!pids.includes(UNSEEN)) await writeFile(join(cgroup, 'cgroup.kill'), '1', { flag: 'r+' }).catch(() => undefined);
  let any = false;
  // 0 would mean this agent's own group to a kill.
  for (const pid of pids) if (pid > 1) any = killProcess(pid) || any;
  return any;
}

/** The cgroup and all that are in it. */
async function below(cgroup: string): Promise<string[]> {
  const entries = await readdir(cgroup, { withFileTypes: true }).catch(() => []);
  const children = entries.filter((entry) => entry.isDirectory()).map(({ name }) => below(join(cgroup, name)));
  return [cgroup, ...(await Promise.all(children)).flat()];
}

/** How the kernel writes a process of a PID namespace around this one. */
const UNSEEN = 0;

async function processesOf(cgroup: string): Promise<number[]> {
  const text = await readFile(join(cgroup, 'cgroup.procs'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

function killProcess(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    // It has just ended.
    return false;
  }
}
