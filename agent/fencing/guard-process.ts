import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import { writeAtomic } from '../files/atomic-file.ts';
import { readIfThere } from '../files/read-if-there.ts';
import { runCommand } from '../kernel/command.ts';

/** The guard's process: not the agent's child where systemd runs this machine, so that it is there whatever becomes of the agent. */
export interface GuardProcess {
  /**
   * Afterwards there is one, of this agent's version; `anew`: another than before, which may be about to end since there was nothing to guard. Says in the
   * log why not, if so.
   */
  ensure(anew: boolean): Promise<void>;
}

export interface GuardProcessOptions {
  /** What it is told by; its other files have the same name with an ending. */
  readonly path: string;
  /** /run/systemd/system */
  readonly unitDirectory: string;
  readonly log: Logger;
}

/** What the script runs; anything else it does without, if it must. */
const TOOLS = ['awk', 'cat', 'grep', 'mv', 'rm', 'sleep', 'xargs'];

/** The build puts the script into the program (bin/build/bundle.ts); without one it lies beside. */
export const guardScript = (): string =>
  process.env.TERRANE_FENCE_GUARD ?? readFileSync(join(import.meta.dirname, '../install/fence-guard.sh'), 'utf8');

export function guardProcess({ path, unitDirectory, log }: GuardProcessOptions): GuardProcess {
  const program = `${path}.sh`;
  const service = `terrane-${path.slice(path.lastIndexOf('/') + 1)}.service`;
  let said = false;

  async function asService(anew: boolean): Promise<void> {
    const file = join(unitDirectory, service);
    const text = guardService(program, path);
    let fresh = (await written(program, guardScript())) || anew;
    if (await written(file, text)) {
      await systemctl('daemon-reload');
      fresh = true;
    }
    await systemctl(fresh ? 'restart' : 'start', service);
  }

  async function asChild(anew: boolean): Promise<void> {
    const fresh = await written(program, guardScript());
    if (!fresh && !anew && runs(path, program)) return;
    const child = spawn('/bin/sh', [program, 'watch', path], { detached: true, stdio: 'ignore', cwd: '/' });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
  }

  return {
    async ensure(anew) {
      try {
        const missing = await missingTools(TOOLS);
        if (missing.length > 0) throw new Error(`${missing.join(', ')}: not on this host; install it`);
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        if (await systemdIsHere(unitDirectory)) await asService(anew);
        else await asChild(anew);
        said = false;
      } catch (error) {
        if (!said)
          log.warn('the fence guard does not run: fenced work ends with the lease only if this agent runs', {
            reason: messageOf(error),
          });
        said = true;
      }
    },
  };
}

/** A guard without them would look well and end nothing. `path` is where they are looked for, as in PATH. */
export async function missingTools(tools: readonly string[], path = process.env.PATH): Promise<string[]> {
  const script = 'for tool; do command -v "$tool" >/dev/null || echo "$tool"; done';
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script, 'sh', ...tools], {
    env: { ...process.env, PATH: path },
  });
  return stdout.split('\n').filter(Boolean);
}

/** Gives whether it was another text. */
async function written(path: string, text: string): Promise<boolean> {
  if ((await readIfThere(path)) === text) return false;
  await writeAtomic(path, text, 0o644);
  return true;
}

async function systemctl(...words: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand('systemctl', words);
  if (code !== 0) throw new Error(`systemctl ${words.join(' ')}: ${stderr.trim()}`);
}

/** The name of a process id may go to another process. */
function runs(path: string, program: string): boolean {
  try {
    const pid = Number(readFileSync(`${path}.pid`, 'utf8'));
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${program}\0`);
  } catch {
    return false;
  }
}

/** An agent in a container would have its guard run elsewhere. */
async function systemdIsHere(unitDirectory: string): Promise<boolean> {
  if (!existsSync(unitDirectory)) return false;
  for (const kind of ['mnt', 'pid']) {
    const [own, first] = await Promise.all([readlink(`/proc/self/ns/${kind}`), readlink(`/proc/1/ns/${kind}`)]);
    if (own !== first) return false;
  }
  return true;
}

/** Of the guard as systemd runs it. */
export function guardService(program: string, path: string): string {
  return `# Written by the Terrane agent, which has fenced work on this host. Gone with the next boot; uninstall.sh removes it.
[Unit]
Description=Terrane fence guard (ends fenced work when this host's lease runs out, whatever becomes of the agent)
# Nothing that stops units stops it, a shutdown neither: what takes long to stop must not outlive the lease meanwhile.
DefaultDependencies=no
IgnoreOnIsolate=yes
StartLimitIntervalSec=0

[Service]
ExecStart=/bin/sh ${program} watch ${path}
Restart=always
RestartSec=100ms
# There is nothing fenced any more.
RestartPreventExitStatus=0
OOMScoreAdjust=-999
Nice=-10
CPUWeight=1000
TimeoutStopSec=2
`;
}
