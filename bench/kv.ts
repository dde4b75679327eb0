import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Job, JobResult, Operation } from './kv/client.ts';
import { startEtcd, type Target } from './kv/targets.ts';
import { startTerrane } from './kv/terrane.ts';
import { countUnits } from './kv/units.ts';
import { cpuSeconds, residentMb } from './kv/usage.ts';

/**
 * etcd's API as a host's programs have it, beside Debian's etcd-server: the same client program asks both in turn, round by round, so that
 * what else the machine does falls on both. Ours is all of it: a host's agent with its cache, the embedded server and its store,
 * which syncs to the disk as etcd does. `TERRANE_BENCH_ROUNDS` and `TERRANE_BENCH_MS` take other lengths.
 */

const ROUNDS = Number(process.env.TERRANE_BENCH_ROUNDS ?? 5);
const MS = Number(process.env.TERRANE_BENCH_MS ?? 2_000);
const KEYS = 1_000;
const VALUE_BYTES = 256;

const MEASUREMENTS: readonly { readonly name: string; readonly operation: Operation; readonly clients: number }[] = [
  { name: 'put_1', operation: 'put', clients: 1 },
  { name: 'linearizable_get_1', operation: 'get', clients: 1 },
  { name: 'serializable_get_1', operation: 'serializable', clients: 1 },
  { name: 'put_64', operation: 'put', clients: 64 },
  { name: 'linearizable_get_64', operation: 'get', clients: 64 },
  { name: 'serializable_get_64', operation: 'serializable', clients: 64 },
  { name: 'put_to_watch', operation: 'watch', clients: 1 },
];

interface Measured extends JobResult {
  /** Of the server's processes, a request. */
  readonly serverCpuUs: number;
}

/** The client program, talking to one server. */
class Client {
  readonly #target: Target;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(target: Target) {
    this.#target = target;
    const args = ['--import', 'tsx', join(import.meta.dirname, 'kv/client.ts'), '127.0.0.1', String(target.port)];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#reader = createInterface(this.#child.stdout!);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async run(job: Job): Promise<Measured> {
    const pids = Object.values(this.#target.processes).flat();
    const before = cpuSeconds(pids);
    this.#child.stdin!.write(`${JSON.stringify(job)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`the client of ${this.#target.name} has ended`);
    const result = JSON.parse(line.value) as JobResult;
    return { ...result, serverCpuUs: ((cpuSeconds(pids) - before) * 1e6) / result.count };
  }

  close(): void {
    this.#reader.close();
    this.#child.kill();
  }
}

export async function run(): Promise<Record<string, number>> {
  const units = await countUnits();
  const targets: Target[] = [];
  try {
    targets.push(await startEtcd());
    targets.push(await startTerrane());
    const results = await takeTurns(targets);
    return { ...report(results, targets), ...reportUnits(units) };
  } finally {
    for (const target of targets) await target.stop();
  }
}

type Results = ReadonlyMap<string, Measured[]>;

async function takeTurns(targets: readonly Target[]): Promise<Results> {
  const clients = targets.map((target) => new Client(target));
  const results = new Map<string, Measured[]>();
  try {
    // Something to read, and everything warm.
    for (const client of clients) {
      await client.run({ operation: 'put', clients: 64, ms: MS / 2, keys: KEYS, valueBytes: VALUE_BYTES });
      await client.run({ operation: 'serializable', clients: 64, ms: MS / 2, keys: KEYS, valueBytes: VALUE_BYTES });
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const { name, operation, clients: count } of MEASUREMENTS) {
        for (const [index, client] of clients.entries()) {
          const measured = await client.run({ operation, clients: count, ms: MS, keys: KEYS, valueBytes: VALUE_BYTES });
          const key = `${targets[index]!.name} ${name}`;
          results.set(key, [...(results.get(key) ?? []), measured]);
        }
      }
    }
  } finally {
    for (const client of clients) client.close();
  }
  return results;
}

function report(results: Results, targets: readonly Target[]): Record<string, number> {
  const figures: Record<string, number> = {};
  const of = (target: string, name: string, field: keyof Measured) =>
    median(results.get(`${target} ${name}`)!.map((measured) => measured[field]));
  console.log(`${ROUNDS} rounds of ${MS} ms in turn, medians; values of ${VALUE_BYTES} bytes`);
  console.log(
    `${''.padEnd(20)} ${'etcd/s'.padStart(8)} ${'ours/s'.padStart(8)}  ratio   p50 ms  ours   p99 ms  ours   server CPU us  ours   client CPU us  ours`,
  );
  for (const { name } of MEASUREMENTS) {
    const both = (field: keyof Measured) => targets.map((target) => of(target.name, name, field)) as [number, number];
    const [rates, p50, p99] = [both('perSecond'), both('p50Ms'), both('p99Ms')];
    const [server, client] = [both('serverCpuUs'), both('clientCpuUs')];
    const ratio = name === 'put_to_watch' ? p50[1] / p50[0] : rates[1] / rates[0];
    const pair = ([etcd, ours]: [number, number], digits: number) =>
      `${etcd.toFixed(digits).padStart(8)} ${ours.toFixed(digits).padStart(7)}`;
    console.log(
      `${name.padEnd(20)} ${pair(rates, 0)}   ${ratio.toFixed(2).padStart(5)} ${pair(p50, 2)} ${pair(p99, 2)} ${pair(server, 0)} ${pair(client, 0)}`,
    );
    figures[name === 'put_to_watch' ? 'put_to_watch_p50_ratio' : `${name}_ratio`] = ratio;
    figures[`${name}_server_cpu_ratio`] = server[1] / server[0];
  }
  for (const { name, processes } of targets) {
    for (const [part, pids] of Object.entries(processes)) {
      const mb = residentMb(pids);
      console.log(`${name}: ${part} takes ${mb.toFixed(0)} MB`);
      figures[`${part}_rss_mb`] = mb;
    }
  }
  return rounded(figures);
}

function reportUnits(units: Awaited<ReturnType<typeof countUnits>>): Record<string, number> {
  const { writeUnitsPerKb, writeUnitsPerKbIncompressible, byCommit, readUnitsPerGet, readUnitsPerLoneGet, idleUnits } = units;
  console.log(
    `DynamoDB would charge ${writeUnitsPerKb.toFixed(2)} write units per KB committed (${writeUnitsPerKbIncompressible.toFixed(2)} of what can't be compressed), ` +
      `${readUnitsPerGet.toFixed(3)} read units per linearizable get of 64 clients (${readUnitsPerLoneGet.toFixed(2)} of one), and ${idleUnits} units while nothing happens`,
  );
  console.log(
    `values of ${VALUE_BYTES} bytes that can't be compressed, by puts in a commit: units for each KB of keys and values (no format could be below); ` +
      'for each KB that they begin, as the store charges whole ones:',
  );
  for (const { puts, keyBytes, unitsPerKb, bound, unitsPerStartedKb } of byCommit) {
    console.log(
      `${String(puts).padStart(6)} puts, keys of ${keyBytes} bytes: ${unitsPerKb.toFixed(2)} (${bound.toFixed(2)}); ${unitsPerStartedKb.toFixed(2)}`,
    );
  }
  return rounded({
    write_units_per_kb: writeUnitsPerKb,
    write_units_per_kb_incompressible: writeUnitsPerKbIncompressible,
    write_units_per_kb_incompressible_bound: byCommit.find(({ puts }) => puts === 64)!.bound,
    // The most of all of them.
    write_units_per_started_kb_incompressible: Math.max(...byCommit.map(({ unitsPerStartedKb }) => unitsPerStartedKb)),
    read_units_per_linearizable_get: readUnitsPerGet,
    read_units_per_lone_linearizable_get: readUnitsPerLoneGet,
    idle_units: idleUnits,
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

function rounded(figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 1000) / 1000]));
}
