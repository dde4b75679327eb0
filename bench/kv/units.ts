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
  /** Read request units for each linearizable read, of clients that read at the same time, and of one alone. */
  readonly readUnitsPerGet: number;
  readonly readUnitsPerLoneGet: number;
  /** Of a keyspace that is open and watched, while nothing happens. */
  readonly idleUnits: number;
}

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
          await keyspace.transact((txn) => txn.put(key, content));
        }),
      );
      return units / (bytes / 1024);
    };
    const text = await writeUnitsPerKb(textValue);
    const incompressible = await writeUnitsPerKb(() => new Uint8Array(randomBytes(VALUE_BYTES)));
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
