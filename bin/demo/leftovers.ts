import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeDockerTraces, type DockerTraces } from '../machine/docker-traces.ts';
import { removeDirectory } from '../machine/remove-directory.ts';
import { groupRuns, processStart } from '../machine/process-start.ts';

/** What the demo makes on the machine, as data, so that another process can take it away (janitor.ts). */
export type Leftover =
  /** `started`: when it did, so that another process that has got its number meanwhile is not ended for it. `group`: with all of its group. */
  | { readonly type: 'process'; readonly pid: number; readonly started: string; readonly group: boolean }
  /** The agent's own uninstall.sh: containers, devices, rules, the Docker network. */
  | { readonly type: 'host'; readonly uninstall: string }
  /** In an engine that was there before. */
  | { readonly type: 'image'; readonly socket: string; readonly name: string }
  | { readonly type: 'docker-traces'; readonly before: DockerTraces }
  | { readonly type: 'directory'; readonly path: string };

const STOP_MS_MAX = 20_000;
const UNINSTALL_MS_MAX = 120_000;

/** `keepLogs`: the demo failed, and whoever wants to know why finds the directory's `log`. */
export async function takeAway(leftover: Leftover, keepLogs: boolean): Promise<void> {
  switch (leftover.type) {
    case 'process':
      return endProcess(leftover);
    case 'host':
      if (existsSync(leftover.uninstall))
        spawnSync('sh', [leftover.uninstall, '--purge', '--yes'], { stdio: 'ignore', timeout: UNINSTALL_MS_MAX });
      return;
    case 'image':
      // Without force: what runs from it, of a demo that was kept, keeps it.
      spawnSync('docker', ['-H', `unix://${leftover.socket}`, 'rmi', leftover.name], { stdio: 'ignore', timeout: STOP_MS_MAX });
      return;
    case 'docker-traces':
      return removeDockerTraces(leftover.before);
    case 'directory': {
      const { path } = leftover;
      const parts = keepLogs ? readdirSync(path).filter((name) => name !== 'log') : [''];
      for (const part of parts) removeDirectory(join(path, part));
      return;
    }
  }
}

async function endProcess({ pid, started, group }: Extract<Leftover, { type: 'process' }>): Promise<void> {
  const target = group ? -pid : pid;
  const now = processStart(pid);
  // Of a group also what has outlived its first process; not one whose first process is another.
  if (now !== undefined && now !== started) return;
  const runs = () => (group ? groupRuns(pid) : processStart(pid) === started);
  if (!runs()) return;
  signal(target, 'SIGTERM');
  const deadline = Date.now() + STOP_MS_MAX;
  while (runs() && Date.now() < deadline) await delay(50);
  if (runs()) signal(target, 'SIGKILL');
  while (runs() && Date.now() < deadline + STOP_MS_MAX) await delay(50);
}

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // It has ended.
  }
}
