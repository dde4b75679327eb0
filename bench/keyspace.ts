import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenKeyspace, openKeyspace } from '../core/keyspace/open.ts';
import { silentLogger } from '../core/ports/logger.ts';
import { createTables, dynamoClient } from '../store/dynamodb.ts';
import { dynamoLog } from '../store/dynamodb-log.ts';
import { startDynoxide } from '../store/dynoxide.ts';
import { systemTiming } from '../store/system-timing.ts';
import { dynamoTable, type Table } from '../store/table.ts';

/**
 * Writers of one log in separate replicas, each with one transaction at a time, with and without taking turns; on the embedded
 * store, and on the same store made as slow as DynamoDB is over the network.
 */

const RUN_MS = 3_000;
/** About what a call to DynamoDB takes from a Lambda function, beyond what the embedded store takes. */
const NETWORK_MS = 4;

interface Figures {
  commitsPerSecond: number;
  conflictsPerCommit: number;
  p50Ms: number;
  p99Ms: number;
}

const clock = { now: () => Date.now() };
const value = new TextEncoder().encode('x'.repeat(256));

async function contend(table: Table, keyspace: string, writers: number, takeTurns: boolean): Promise<Figures> {
  const timing = systemTiming(clock);
  const replicas = await Promise.all(
    Array.from({ length: writers }, (_, index) =>
      openKeyspace(dynamoLog({ table, tenant: 'bench', keyspace, clock }), { writerId: `w${index}`, timing, takeTurns }),
    ),
  );
  const latencies: number[] = [];
  const end = performance.now() + RUN_MS;
  const write = async (replica: OpenKeyspace, index: number) => {
    for (let n = 0; performance.now() < end; n++) {
      const from = performance.now();
      await replica.transact((txn) => txn.put(`/key/${index}/${n % 100}`, value));
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(replicas.map(write));
  const conflicts = replicas.reduce((sum, { statistics }) => sum + statistics.conflicts, 0);
  const reads = replicas.reduce((sum, { statistics }) => sum + statistics.reads, 0);
  latencies.sort((a, b) => a - b);
  const figures: Figures = {
    commitsPerSecond: (latencies.length / RUN_MS) * 1000,
    conflictsPerCommit: conflicts / latencies.length,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)]!,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
  };
  const shown = Object.entries(figures).map(([name, figure]) => `${name} ${figure.toFixed(2)}`);
  console.log(`${keyspace.padEnd(28)} ${shown.join('  ')}  reads/commit ${(reads / latencies.length).toFixed(2)}`);
  await Promise.all(replicas.map((replica) => replica.close()));
  return figures;
}

/** The same table, as far away as DynamoDB. */
function remote(table: Table): Table {
  const pause = (ms: number) => systemTiming(clock).pause(ms);
  const there = <T>(call: () => Promise<T>) => pause(NETWORK_MS / 2).then(call);
  const back = async <T>(answer: Promise<T>) => {
    const result = await answer;
    await pause(NETWORK_MS / 2);
    return result;
  };
  return {
    get: (...args) => back(there(() => table.get(...args))),
    query: (...args) => back(there(() => table.query(...args))),
    put: (...args) => back(there(() => table.put(...args))),
    putIf: (...args) => back(there(() => table.putIf(...args))),
    deleteAll: (...args) => back(there(() => table.deleteAll(...args))),
  };
}

export async function run(): Promise<Record<string, number>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'terrane-bench-'));
  const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
  const result: Record<string, number> = {};
  try {
    const client = dynamoClient(dynoxide);
    await createTables(client);
    const local = dynamoTable(client, 'tenant');
    for (const [place, table] of [
      ['local', local],
      ['remote', remote(local)],
    ] as const) {
      for (const writers of [1, 4, 16]) {
        for (const kind of ['naive', 'turns'] as const) {
          const figures = await contend(table, `${place}-${writers}-${kind}`, writers, kind === 'turns');
          const prefix = `${place}_${writers}_${kind}`;
          result[`${prefix}_commits_per_s`] = figures.commitsPerSecond;
          result[`${prefix}_conflicts_per_commit`] = figures.conflictsPerCommit;
          result[`${prefix}_p50_ms`] = figures.p50Ms;
          result[`${prefix}_p99_ms`] = figures.p99Ms;
        }
      }
    }
  } finally {
    await dynoxide.stop();
    rmSync(dataDir, { recursive: true });
  }
  return result;
}
