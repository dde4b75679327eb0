import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '../../core/ports/logger.ts';
import { createTables, dynamoClient } from '../../store/dynamodb.ts';
import { startDynoxide } from '../../store/dynoxide.ts';
import { openKeyspaces } from '../../store/keyspaces.ts';
import { countingProxy } from '../../test/support/lambda/counting-proxy.ts';

/** What a keyspace's store would charge, as the store itself says. */
export interface Units {
  /** Write request units for each kilobyte that was committed, keys and values counted: of text, and of what can't be compressed. */
  readonly writeUnitsPerKb: number;
  readonly writeUnitsPerKbIncompressible: number;
  /** The same, so many puts in each commit. */
  readonly byCommit: readonly {
    readonly puts: number;
    readonly keyBytes: number;
    /** For each kilobyte of keys and values, parts of kilobytes as parts. */
    readonly unitsPerKb: number;
    /** What any format would be charged at least, since values can't be shortened. */
    readonly bound: number;
    /** For each kilobyte that the commit's keys and values begin: the store charges whole ones, so this is what our own bytes add to that. */
    readonly unitsPerStartedKb: number;
  }[];
  /** Read request units for each linearizable read, of clients that read at the same time, and of one alone. */
  readonly readUnitsPerGet: number;
  readonly readUnitsPerLoneGet: number;
  /** Of a keyspace that is open and watched, while nothing happens. */
  readonly idleUnits: number;
}

const PUTS_A_COMMIT = [1, 8, 64, 128, 256, 1_000];
const CLIENTS = 64;
const CALLS = 30;
const VALUE_BYTES = 256;
const IDLE_MS = 3_000;

/** JSON as programs keep it: the same names again and again, and something that is always new. */
const textValue = () =>
  Buffer.from(
    JSON.stringify({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: randomBytes(6).toString('hex'), namespace: 'default', uid: crypto.randomUUID(), generation: 1 },
      spec: { holderIdentity: randomBytes(8).toString('hex'), leaseDurationSeconds: 40, renewTime: new Date().toISOString() },
    }),
  );

export async function countUnits(): Promise<Units> {
  const dataDir = mkdtempSync(join(tmpdir(), 'terrane-bench-'));
  const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
  const proxy = await countingProxy(dynoxide.endpoint);
  const { counted } = proxy;
  const client = dynamoClient({ endpoint: proxy.endpoint });
  try {
    await createTables(client);
    const keyspaces = openKeyspaces({
      client,
      table: 'tenant',
      clock: { now: () => Date.now() },
      log: silentLogger,
    });
    const keyspace = await keyspaces.open('bench', 'c', 'kv');
    const keyOf = (worker: number, n: number) => `bench/${worker}/${n}`;
    const longKeyOf = (worker: number, n: number) =>
      `/applications/billing/settings/${String(worker).padStart(4, '0')}/${n % 10}`;
    const noise = () => new Uint8Array(randomBytes(VALUE_BYTES));
    // As a host's calls bear them.
    const host = randomBytes(12).toString('base64url');
    let calls = 0;
    const put = (key: string, value: Uint8Array) =>
      keyspace.transact((txn) => txn.put(key, value), { requestId: `${host}/${++calls}` });
    const charged = async (what: 'reads' | 'writes', action: () => Promise<unknown>) => {
      const before = counted[what];
      await action();
      return counted[what] - before;
    };
    const inParallel = (action: (worker: number, n: number) => Promise<unknown>) =>
      Promise.all(
        Array.from({ length: CLIENTS }, async (_, worker) => {
          for (let n = 0; n < CALLS; n++) await action(worker, n);
        }),
      );
    const writeUnitsPerKb = async (value: () => Uint8Array) => {
      let bytes = 0;
      const units = await charged('writes', () =>
        inParallel(async (worker, n) => {
          const [key, content] = [keyOf(worker, n), value()];
          bytes += key.length + content.length;
          await put(key, content);
        }),
      );
      return units / (bytes / 1024);
    };
    const text = await writeUnitsPerKb(textValue);
    const incompressible = await writeUnitsPerKb(noise);
    const byCommit: Units['byCommit'][number][] = [];
    for (const name of [keyOf, longKeyOf]) {
      for (const puts of PUTS_A_COMMIT) {
        // Snapshots aren't what is counted.
        await keyspaces.settled();
        const keys = Array.from({ length: puts }, (_, worker) => name(worker, puts));
        const kb = (keys.join('').length + puts * VALUE_BYTES) / 1024;
        const units = await charged('writes', () => Promise.all(keys.map((key) => put(key, noise()))));
        const keyBytes = Math.round(keys.join('').length / puts);
        const bound = Math.ceil((puts * VALUE_BYTES + 1) / 1024) / kb;
        byCommit.push({ puts, keyBytes, unitsPerKb: units / kb, bound, unitsPerStartedKb: units / Math.ceil(kb) });
      }
    }
    await keyspaces.settled();
    const shared = await charged('reads', () => inParallel(async (worker, n) => (await keyspace.sync()).get(keyOf(worker, n))));
    const alone = await charged('reads', async () => {
      for (let n = 0; n < CALLS; n++) await keyspace.sync();
    });
    const stop = new AbortController();
    const watching = keyspace.watch({ from: '', to: '~' }, keyspace.view().revision + 1, stop.signal).next();
    const before = { ...counted };
    await delay(IDLE_MS);
    const idleUnits = counted.reads + counted.writes - before.reads - before.writes;
    stop.abort();
    await watching;
    await keyspaces.close();
    return {
      writeUnitsPerKb: text,
      writeUnitsPerKbIncompressible: incompressible,
      byCommit,
      readUnitsPerGet: shared / (CLIENTS * CALLS),
      readUnitsPerLoneGet: alone / CALLS,
      idleUnits,
    };
  } finally {
    proxy.close();
    await dynoxide.stop();
    rmSync(dataDir, { recursive: true });
  }
}
