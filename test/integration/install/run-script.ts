import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestControlPlane } from './control-plane.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid: number;
}

export function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr, pid: child.pid! }));
  });
}

export const JOIN_TOKEN = 'trn_join_test';

/** Starts a program that stays. Resolves when it has printed something; `ended` when it is gone. */
export function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly ended: Promise<unknown>; readonly stop: () => void }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise((end) => child.once('close', end));
    child.on('error', reject);
    child.stdout.once('data', () => resolve({ ended, stop: () => void child.kill('SIGKILL') }));
    void ended.then(() => reject(new Error('it ended before it printed anything')));
  });
}

/** Fetches install.sh as a user does and runs it with `sh`. */
export async function install(
  plane: TestControlPlane,
  args: readonly string[],
  env: Readonly<Record<string, string>> = { TERRANE_TOKEN: JOIN_TOKEN },
): Promise<Ended> {
  const script = join(plane.directory, 'install.sh');
  await writeFile(script, await (await fetch(`${plane.url}/install.sh`)).text());
  return run('sh', [script, ...args], env);
}
