import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** The `terrane` command as a person would run it, from this checkout's build. */
export interface Terrane {
  /** Its stdout; a failure throws with what it printed. */
  (args: readonly string[], stdin?: string): Promise<string>;
}

export const TERRANE_PROGRAM = join(import.meta.dirname, '../../dist/terrane.mjs');

export function terraneCommand(env: Record<string, string>): Terrane {
  return (args, stdin = '') =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [TERRANE_PROGRAM, ...args], { env: { ...process.env, NO_COLOR: '1', ...env } });
      const out: Buffer[] = [];
      const errors: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
      child.once('error', reject);
      child.once('close', (code) => {
        const stdout = Buffer.concat(out).toString();
        if (code === 0) return resolve(stdout);
        reject(new Error(`terrane ${args.join(' ')}: exit code ${code}\n${stdout}${Buffer.concat(errors).toString()}`));
      });
      child.stdin.on('error', () => {});
      child.stdin.end(stdin);
    });
}
