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
