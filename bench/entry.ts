import { randomBytes } from 'node:crypto';
import { decodeEntry, encodeEntry, type Entry, type LogRecord } from '../core/keyspace/entry.ts';
import { encodeEntry1 } from '../core/keyspace/entry-format-1.ts';

/**
 * What it takes to write and read a log's entry, and how long it gets: the present format beside the first one, in turn in one run. Entries of
 * so many puts as `PUTS` says, from the hosts of a cluster: 256 bytes that can't be compressed, keys of 10 and of 40 bytes.
 */

const PUTS = [1, 8, 64];
const VALUE_BYTES = 256;
const ROUNDS = 15;
const ROUND_MS = 30;

const KEYS = {
  short: (n: number) => `bench/${n % 64}/${n % 10}`,
  long: (n: number) => `/applications/billing/settings/item-${String(n % 1_000).padStart(4, '0')}`,
};

const FORMATS = { format1: encodeEntry1, format2: encodeEntry } as const;

function entryOf(puts: number, keyOf: (n: number) => string): Entry {
  const host = randomBytes(12).toString('base64url');
  const records = Array.from({ length: puts }, (_, n): LogRecord => {
    const value = new Uint8Array(randomBytes(VALUE_BYTES));
    return { requestId: `${host}/${n + 90}`, operations: [{ type: 'put', key: keyOf(n), value, lease: 0n, fresh: false }] };
  });
  const writer = randomBytes(9).toString('base64url');
  return { sequence: 1_000, writer, batch: 900, time: Date.now(), baseRevision: 40_000, records };
}

/** Nanoseconds that one call takes. */
function timeOf(action: () => void): number {
  const from = process.hrtime.bigint();
  const until = from + BigInt(ROUND_MS * 1e6);
  let count = 0;
  let now = from;
  for (; now < until; now = process.hrtime.bigint()) {
    for (let n = 0; n < 20; n++) action();
    count += 20;
  }
  return Number(now - from) / count;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

export async function run(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const [kind, keyOf] of Object.entries(KEYS)) {
    for (const puts of PUTS) {
      const entry = entryOf(puts, keyOf);
      const times = { format1: [] as number[], format2: [] as number[] };
      const bodies = { format1: encodeEntry1(entry), format2: encodeEntry(entry) };
      for (let round = 0; round < ROUNDS; round++) {
        for (const format of ['format1', 'format2'] as const) {
          const write = timeOf(() => void FORMATS[format](entry));
          const read = timeOf(() => void decodeEntry(1_000, bodies[format]));
          times[format].push(write + read);
        }
      }
      const [before, now] = [median(times.format1) / puts, median(times.format2) / puts];
      const bytes = (format: keyof typeof bodies) => bodies[format].length / puts - VALUE_BYTES;
      console.log(
        `${kind} keys, ${String(puts).padStart(2)} puts: ${before.toFixed(0)} -> ${now.toFixed(0)} ns a put, ` +
          `${bytes('format1').toFixed(1)} -> ${bytes('format2').toFixed(1)} bytes beside each value`,
      );
      figures[`entry_${kind}_${puts}_ns_ratio`] = now / before;
      figures[`entry_${kind}_${puts}_bytes_beside`] = bytes('format2');
    }
  }
  return figures;
}
