import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { Logger } from '../core/ports/logger.ts';
import { processMark, stillRuns } from './process-mark.ts';

export interface PortGuard {
  /** Lets everyone connect again. */
  release(): Promise<void>;
}

const run = promisify(execFile);
const PREFIX = 'terrane_store_';

/**
 * Keeps other local users, and containers on the host's network that don't run as our user, from a loopback port that has no authentication
 * of its own (docs/embedded.md): an nftables rule on the owner of the connecting socket. Needs root and nft(8); where it can't be had,
 * the log says so and what it means, and the server goes on.
 *
 * One table for each data directory. It says whose it is: what a killed server left behind would keep others from whatever has its port next, and
 * is taken away by the next one that starts on this machine, whatever its directory.
 */
export async function guardPort(port: number, directory: string, log: Logger, command = 'nft'): Promise<PortGuard> {
  const table = `${PREFIX}${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
  const drop = `add table inet ${table}\ndelete table inet ${table}\n`;
  const rule = `meta oifname "lo" tcp dport ${port} meta skuid != ${process.getuid!()} reject with tcp reset comment "${processMark()}"`;
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
  // Only tidiness: the next server tries again.
  await removeAbandoned(command).catch(() => {});
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

/** By their handles: a table of the same name that a server makes meanwhile is another. */
async function removeAbandoned(command: string): Promise<void> {
  const { stdout } = await run(command, ['list', 'tables', 'inet']);
  for (const [, table] of stdout.matchAll(/^table inet (\w+)$/gm)) {
    if (!table!.startsWith(PREFIX)) continue;
    const { stdout: text } = await run(command, ['-a', 'list', 'table', 'inet', table!]).catch(() => ({ stdout: '' }));
    const [, handle] = /^table inet \w+ \{ # handle (\d+)$/m.exec(text) ?? [];
    const [, mark] = / comment "([^"]*)"/.exec(text) ?? [];
    if (handle === undefined || mark === undefined || stillRuns(mark)) continue;
    await run(command, ['delete', 'table', 'inet', 'handle', handle]).catch(() => {});
  }
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
