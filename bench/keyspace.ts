import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Log } from '../core/keyspace/log.ts';
import { MemoryLog } from '../core/keyspace/memory-log.ts';
import { type OpenKeyspace, openKeyspace } from '../core/keyspace/open.ts';
import { distantLog } from '../core/keyspace/testing/distant-log.ts';
import { VirtualTime } from '../core/keyspace/testing/virtual-time.ts';
import type { Timing } from '../core/keyspace/timing.ts';
import { silentLogger } from '../core/ports/logger.ts';
import { createTables, dynamoClient } from '../store/dynamodb.ts';
import { dynamoLog } from '../store/dynamodb-log.ts';
import { startDynoxide } from '../store/dynoxide.ts';
import { systemTiming } from '../store/system-timing.ts';
import { dynamoTable, type Table } from '../store/table.ts';

/**
 * What a keyspace does in a second: one replica with many clients, and writers that contend in replicas of their own, with and
 * without taking turns: on the real embedded store, and over a simulated network of 5 ms (as DynamoDB is from Lambda), whose figures
 * don't depend on the machine.
 */

const RUN_MS = 3_000;
const NETWORK_MS = 5;
const VALUE = new TextEncoder().encode('x'.repeat(256));

type Figures = Record<string, number>;

const clock = { now: () => Date.now() };

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Runs `action` in `clients` loops for a while. */
async function measure(timing: Timing, clients: number, action: (client: number, n: number) => Promise<unknown>) {
  const waits: number[] = [];
  const start = timing.elapsed();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let n = 0; timing.elapsed() < start + RUN_MS; n++) {
        const from = timing.elapsed();
        await action(client, n);
        waits.push(timing.elapsed() - from);
      }
    }),
  );
  waits.sort((a, b) => a - b);
  return {
    count: waits.length,
    perSecond: (waits.length / (timing.elapsed() - start)) * 1000,
    p50: percentile(waits, 0.5),
    p99: percentile(waits, 0.99),
  };
}

/** Writers in replicas of their own, each with one transaction after the other. */
async function contend(name: string, log: () => Log, timing: Timing, writers: number, takeTurns: boolean): Promise<Figures> {
  const replicas = await Promise.all(
    Array.from({ length: writers }, (_, n) => openKeyspace(log(), { writerId: `w${n}`, timing, takeTurns })),
  );
  const { count, perSecond, p50, p99 } = await measure(timing, writers, (writer, n) =>
    replicas[writer]!.transact((txn) => txn.put(`/key/${writer}/${n % 100}`, VALUE)),
  );
  const sum = (figure: 'conflicts' | 'reads') => replicas.reduce((total, { statistics }) => total + statistics[figure], 0);
  const conflicts = sum('conflicts') / count;
  console.log(
    `${name.padEnd(26)} ${perSecond.toFixed(0).padStart(5)} commits/s  ${conflicts.toFixed(2).padStart(5)} conflicts and ${(sum('reads') / count).toFixed(2)} reads a commit  p50 ${p50.toFixed(1)} ms  p99 ${p99.toFixed(1)} ms`,
  );
  await Promise.all(replicas.map((replica) => replica.close()));
  return {
    [`${name}_commits_per_s`]: perSecond,
    [`${name}_conflicts_per_commit`]: conflicts,
    [`${name}_p50_ms`]: p50,
    [`${name}_p99_ms`]: p99,
  };
}

const WRITERS = [1, 4, 16];
const KINDS = ['naive', 'turns'] as const;

async function simulated(): Promise<Figures> {
  const figures: Figures = {};
  for (const writers of WRITERS) {
    for (const kind of KINDS) {
      const time = new VirtualTime(1);
      const memory = new MemoryLog(() => time.now());
      const log = () => distantLog(memory, time, NETWORK_MS);
      Object.assign(figures, await time.run(contend(`simulated_${writers}_${kind}`, log, time, writers, kind === 'turns')));
    }
  }
  return figures;
}

async function embedded(table: Table): Promise<Figures> {
  const figures: Figures = {};
  for (const writers of WRITERS) {
    for (const kind of KINDS) {
      const name = `embedded_${writers}_${kind}`;
      const log = () => dynamoLog({ table, tenant: 'bench', keyspace: name, clock });
      Object.assign(figures, await contend(name, log, systemTiming(clock), writers, kind === 'turns'));
    }
  }
  return figures;
}

/** One replica, as the embedded server has: what its clients get together. */
async function alone(table: Table, client: DynamoDBClient): Promise<Figures> {
  const timing = systemTiming(clock);
  const log = dynamoLog({ table, tenant: 'bench', keyspace: 'alone', clock });
  const keyspace: OpenKeyspace = await openKeyspace(log, { writerId: 'w', timing, takeTurns: false });
  const put = (at: number, n: number) => keyspace.transact((txn) => txn.put(`/key/${at}/${n % 100}`, VALUE));
  const item = (n: number) => ({ pk: { S: 'sdk' }, sk: { S: String(n) }, b: { B: VALUE } });
  const runs = {
    sdk_put_1: await measure(timing, 1, (_, n) => client.send(new PutItemCommand({ TableName: 'tenant', Item: item(n) }))),
    txn_1: await measure(timing, 1, put),
    txn_64: await measure(timing, 64, put),
    sync_1: await measure(timing, 1, () => keyspace.sync()),
    sync_64: await measure(timing, 64, () => keyspace.sync()),
  };
  const figures: Figures = {};
  for (const [name, { perSecond, p50, p99 }] of Object.entries(runs)) {
    console.log(
      `${name.padEnd(26)} ${perSecond.toFixed(0).padStart(5)} a second  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`,
    );
    Object.assign(figures, { [`${name}_per_s`]: perSecond, [`${name}_p50_ms`]: p50, [`${name}_p99_ms`]: p99 });
  }
  await keyspace.close();
  return figures;
}

export async function run(): Promise<Figures> {
  const dataDir = mkdtempSync(join(tmpdir(), 'terrane-bench-'));
  const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
  try {
    const client = dynamoClient(dynoxide);
    await createTables(client);
    const table = dynamoTable(client, 'tenant');
    return { ...(await alone(table, client)), ...(await embedded(table)), ...(await simulated()) };
  } finally {
    await dynoxide.stop();
    rmSync(dataDir, { recursive: true });
  }
}
