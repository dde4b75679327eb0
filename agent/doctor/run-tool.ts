import { execFile } from 'node:child_process';

const TIMEOUT_MS = 5_000;
const OUTPUT_MAX = 16_000_000;

export class ToolNotInstalled extends Error {
  override readonly name = 'ToolNotInstalled';
}

/** What a program prints. Rejects, in words, when it is missing or fails. */
export function runTool(command: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // Administrators' tools are in directories that services don't always search.
    const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` };
    execFile(command, args, { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_MAX, env, signal }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if ('code' in error && error.code === 'ENOENT') return reject(new ToolNotInstalled(`${command} is not installed`));
      reject(new Error(`${command}: ${stderr.trim().split('\n')[0] || error.message}`));
    });
  });
}
