import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { EtcdClient } from './etcd-client.ts';

/**
 * The benchmark's client program: `client.ts HOST PORT`. Takes jobs as lines of JSON and answers each with a line. The same program for
 * every server; what it takes itself of the processor is in its answers.
 */

export type Operation = 'put' | 'get' | 'serializable' | 'watch';

export interface Job {
  readonly operation: Operation;
  /** Each has one request in flight. */
  readonly clients: number;
  readonly ms: number;
  /** Keys are taken from so many, with values of so many bytes. */
  readonly keys: number;
  readonly valueBytes: number;
}

export interface JobResult {
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of this program, a request. */
  readonly clientCpuUs: number;
}

/** Clients share connections as the threads of a program do. */
const CLIENTS_PER_CONNECTION = 8;

/** Of different values, made before the time is taken. */
const VALUES = 256;

/** Text without any regularity. */
const valueOf = (bytes: number) => Buffer.from(randomBytes(bytes).toString('base64').slice(0, bytes));

const keyOf = (n: number) => `bench/${String(n).padStart(8, '0')}`;

async function main([host, port]: readonly string[]): Promise<void> {
  const connections: EtcdClient[] = [];
  for await (const line of createInterface(process.stdin)) {
    const job = JSON.parse(line) as Job;
    while (connections.length * CLIENTS_PER_CONNECTION < Math.max(job.clients, CLIENTS_PER_CONNECTION + 1)) {
      connections.push(await EtcdClient.open(host!, Number(port)));
    }
    const result = job.operation === 'watch' ? await putToWatch(connections, job) : await repeat(connections, job);
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  for (const connection of connections) connection.close();
}

async function repeat(connections: readonly EtcdClient[], { operation, clients, ms, keys, valueBytes }: Job): Promise<JobResult> {
  const values = Array.from({ length: VALUES }, () => valueOf(valueBytes));
  return measured(ms, clients, async (client, turn) => {
    const value = values[(client + turn) % VALUES]!;
    const connection = connections[Math.floor(client / CLIENTS_PER_CONNECTION)]!;
    // A walk through the keys in which clients don't meet.
    const key = keyOf((client * 7919 + turn * 104_729) % keys);
    if (operation === 'put') await connection.put(key, value);
    else await connection.range(key, operation === 'serializable');
  });
}

/** From sending a put to having its event on another connection. */
async function putToWatch([writer, watcher]: readonly EtcdClient[], { ms, valueBytes }: Job): Promise<JobResult> {
  const value = valueOf(valueBytes);
  let seen = () => {};
  const key = `watched/${process.pid}`;
  await watcher!.watch(key, () => seen());
  return measured(ms, 1, async () => {
    const event = new Promise<void>((resolve) => {
      seen = resolve;
    });
    await Promise.all([writer!.put(key, value), event]);
  });
}

async function measured(
  ms: number,
  clients: number,
  action: (client: number, turn: number) => Promise<void>,
): Promise<JobResult> {
  const times: number[] = [];
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      let from = start;
      for (let turn = 0; from < start + ms; turn++) {
        await action(client, turn);
        const to = performance.now();
        times.push(to - from);
        from = to;
      }
    }),
  );
  const elapsed = performance.now() - start;
  const cpu = process.cpuUsage(cpuBefore);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    count: times.length,
    perSecond: (times.length / elapsed) * 1000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    clientCpuUs: (cpu.user + cpu.system) / times.length,
  };
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
