import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { Logger } from '../core/ports/logger.ts';

export interface PortGuard {
  /** Lets everyone connect again. */
  release(): Promise<void>;
}

const run = promisify(execFile);

/**
 * Keeps other local users, and containers on the host's network that don't run as our user, from a loopback port that has no authentication
 * of its own (DESIGN 5): an nftables rule on the owner of the connecting socket. Needs root and nft(8); where it can't be had,
 * the log says so and what it means, and the server goes on.
 *
 * One table for each data directory: what a killed server left behind is replaced by the next one.
 */
export async function guardPort(port: number, directory: string, log: Logger, command = 'nft'): Promise<PortGuard> {
  const table = `terrane_store_${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
  const drop = `add table inet ${table}\ndelete table inet ${table}\n`;
  const rule = `meta oifname "lo" tcp dport ${port} meta skuid != ${process.getuid!()} reject with tcp reset`;
  const chain = `chain output {\n type filter hook output priority 0; policy accept;\n ${rule}\n }`;
  try {
    if (process.getuid!() !== 0) throw new Error('not running as root');
    await feed(command, `${drop}table inet ${table} {\n ${chain}\n}\n`);
  } catch (error) {
    log.warn(
      'the embedded store is open to other users of this machine: run as root with nftables installed, or trust them all',
      {
        port,
        reason: error instanceof Error ? error.message : String(error),
      },
    );
    return { release: async () => {} };
  }
  return {
    async release() {
      try {
        await run(command, ['delete', 'table', 'inet', table]);
      } catch (error) {
        log.warn('an nftables rule was left behind', { table, reason: String(error) });
      }
    },
  };
}

/** One transaction: all of it or nothing. */
async function feed(command: string, script: string): Promise<void> {
  const child = spawn(command, ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  child.stdin.on('error', () => {});
  child.stdin.end(script);
  // Rejects if it can't be started.
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`nft: ${complaints.trim() || `exit code ${code}`}`);
}
