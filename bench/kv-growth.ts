import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { silentLogger } from '../core/ports/logger.ts';
import { createTables, dynamoClient } from '../store/dynamodb.ts';
import { startDynoxide } from '../store/dynoxide.ts';
import type { GrowthResult } from './kv-growth/keyspace.ts';

/**
 * A large keyspace on the real embedded store: a million keys of 256 bytes are loaded, a snapshot is written, and another process starts from it and
 * serves. `TERRANE_BENCH_KEYS` takes another number of keys.
 */

const KEYS = Number(process.env.TERRANE_BENCH_KEYS ?? 1_000_000);

export async function run(): Promise<Record<string, number>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'terrane-bench-'));
  const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
  try {
    await createTables(dynamoClient(dynoxide));
    const loaded = await inProcess('load', dynoxide.endpoint);
    say('loaded', loaded);
    const started = await inProcess('start', dynoxide.endpoint);
    say('started anew', started);
    const figures = {
      keys: KEYS,
      load_keys_per_s: KEYS / loaded.seconds.load!,
      snapshot_s: loaded.seconds.snapshot!,
      start_s: started.seconds.start!,
      memory_per_key_loaded_bytes: loaded.bytesPerKey,
      memory_per_key_started_bytes: started.bytesPerKey,
      rss_started_mb: started.rssMb,
      range_100k_ms: started.seconds.range! * 1000,
      snapshot_longest_stall_ms: loaded.stallMs.snapshot!,
      start_longest_stall_ms: started.stallMs.start!,
      range_100k_longest_stall_ms: started.stallMs.range!,
    };
    return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 100) / 100]));
  } finally {
    await dynoxide.stop();
    rmSync(dataDir, { recursive: true });
  }
}

/** In a process of its own, so that its memory and its event loop are its own. */
async function inProcess(what: 'load' | 'start', endpoint: string): Promise<GrowthResult> {
  const script = join(import.meta.dirname, 'kv-growth/keyspace.ts');
  const args = ['--expose-gc', '--max-old-space-size=6000', '--import', 'tsx', script, what, endpoint, String(KEYS)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let result: GrowthResult | undefined;
  for await (const line of createInterface(child.stdout!)) result = JSON.parse(line) as GrowthResult;
  if (child.exitCode === null) await once(child, 'exit');
  if (!result) throw new Error(`the process that was to ${what} the keyspace ended with ${child.exitCode}`);
  return result;
}

function say(what: string, { seconds, stallMs, bytesPerKey, rssMb }: GrowthResult): void {
  const times = Object.entries(seconds).map(
    ([name, value]) => `${name} ${value.toFixed(2)} s (stalls of up to ${stallMs[name]!.toFixed(0)} ms)`,
  );
  console.log(`${what}: ${times.join(', ')}; ${bytesPerKey.toFixed(0)} bytes of memory a key, ${rssMb.toFixed(0)} MB resident`);
}
