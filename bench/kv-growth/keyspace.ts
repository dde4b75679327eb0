import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { range } from '../../core/etcd/range.ts';
import { readerOf } from '../../core/etcd/reader.ts';
import { rangeOf } from '../../core/etcd/testing/requests.ts';
import { openKeyspace } from '../../core/keyspace/open.ts';
import { dynamoClient } from '../../store/dynamodb.ts';
import { dynamoLog } from '../../store/dynamodb-log.ts';
import { systemTiming } from '../../store/system-timing.ts';
import { dynamoTable } from '../../store/table.ts';

/** `keyspace.ts load|start ENDPOINT KEYS`: does one half of the growth benchmark in this process, and prints what it measured. */

export interface GrowthResult {
  readonly seconds: Readonly<Record<string, number>>;
  /** The longest that the event loop stood still meanwhile. */
  readonly stallMs: Readonly<Record<string, number>>;
  /** Of heap and buffers, after a collection. */
  readonly bytesPerKey: number;
  readonly rssMb: number;
}

const VALUE_BYTES = 256;
/** Keys a transaction: etcd's most. */
const BATCH = 128;
/** Transactions in flight: they share entries. */
const CLIENTS = 16;
const RANGE_KEYS = 100_000;

const keyOf = (n: number) => `/registry/things/${String(n).padStart(9, '0')}`;

async function main([what, endpoint, count]: readonly string[]): Promise<void> {
  const keys = Number(count);
  const clock = { now: () => Date.now() };
  const before = await memory();
  const log = dynamoLog({
    table: dynamoTable(dynamoClient({ endpoint: endpoint! }), 'tenant'),
    tenant: 'bench',
    keyspace: 'c/kv',
    clock,
  });
  const open = () =>
    openKeyspace(log, { writerId: what!, timing: systemTiming(clock), takeTurns: false, snapshotAfterBytes: 1e12 });
  const seconds: Record<string, number> = {};
  const stallMs: Record<string, number> = {};
  const measure = async <T>(name: string, action: () => Promise<T>): Promise<T> => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    const result = await action();
    seconds[name] = (performance.now() - start) / 1000;
    // The turn that waited while the last bit of work was done.
    await nextTurn();
    delay.disable();
    stallMs[name] = delay.max / 1e6;
    return result;
  };

  const keyspace = await measure('start', open);
  if (what === 'load') {
    await measure('load', async () => {
      let next = 0;
      await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          while (next < keys) {
            const from = next;
            next = Math.min(keys, from + BATCH);
            const to = next;
            // What can't be compressed.
            const values = new Uint8Array(randomBytes(VALUE_BYTES * BATCH));
            await keyspace.transact((txn) => {
              for (let n = from; n < to; n++)
                txn.put(keyOf(n), values.slice((n - from) * VALUE_BYTES, (n - from + 1) * VALUE_BYTES));
            });
          }
        }),
      );
    });
    await measure('snapshot', () => keyspace.snapshot());
  } else {
    const view = keyspace.view();
    if (view.count('', '~') !== keys) throw new Error(`${view.count('', '~')} keys were found, of ${keys}`);
    const request = rangeOf(keyOf(0), { rangeEnd: keyOf(Math.min(keys, RANGE_KEYS)), serializable: true });
    await measure('range', async () => range(readerOf(keyspace, view), request));
  }
  const held = (await memory()) - before;
  const result: GrowthResult = { seconds, stallMs, bytesPerKey: held / keys, rssMb: process.memoryUsage().rss / 2 ** 20 };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}

async function memory(): Promise<number> {
  // Buffers go a turn after what held them.
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc?.();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

await main(process.argv.slice(2));
