import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdErrorOf } from '../../../core/etcd/errors.ts';
import { CorruptLogError, StoreFailedError, StoreFullError } from '../../../core/keyspace/errors.ts';
import { type Log, RETENTION_MS } from '../../../core/keyspace/log.ts';
import { openKeyspace } from '../../../core/keyspace/open.ts';
import { type LogUnderTest, logConformance } from '../../../core/keyspace/testing/log-conformance.ts';
import { dynamoLog } from '../../../store/dynamodb-log.ts';
import { fileLog } from '../../../store/log-files/file-log.ts';
import { type LogFiles, logFiles } from '../../../store/log-files/log-files.ts';
import { systemTiming } from '../../../store/system-timing.ts';
import type { Table } from '../../../store/table.ts';
import { type EmbeddedStore, embeddedStore } from './embedded-store.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);
const clock = { now: () => Date.now() };

describe('a log whose entries are in files', () => {
  let store: EmbeddedStore;
  let directory: string;
  beforeAll(async () => {
    store = await embeddedStore();
    directory = mkdtempSync(join(tmpdir(), 'terrane-logs-'));
  });
  afterAll(async () => {
    await store.stop();
    rmSync(directory, { recursive: true });
  });

  const logOf = (files: LogFiles, cluster: string, time = clock): Log =>
    fileLog({
      table: store.table,
      tenant: 't',
      keyspace: `${cluster}/kv`,
      clock: time,
      files: files.of('t', cluster, 'kv'),
    });
  const open = (log: Log) =>
    openKeyspace(log, {
      writerId: randomUUID(),
      timing: systemTiming(clock),
      snapshotAfterBytes: Number.POSITIVE_INFINITY,
      takeTurns: false,
    });
  const put = async (log: Log, key: string, value: string) => {
    const keyspace = await open(log);
    const { revision } = await keyspace.transact((txn) => txn.put(key, bytes(value)));
    return revision;
  };

  // A file for each entry: whole files go, so that only then just what may go does.
  logConformance(async (): Promise<LogUnderTest> => {
    const time = { at: Date.now(), now: () => time.at };
    const log = logOf(logFiles(directory, { segmentBytes: 1 }), randomUUID(), time);
    return {
      log,
      get now() {
        return time.at;
      },
      set now(at) {
        time.at = at;
      },
    };
  });

  test('goes on where one in the table ended, and what is in the table is read from there', async () => {
    const cluster = randomUUID();
    const before = dynamoLog({ table: store.table, tenant: 't', keyspace: `${cluster}/kv`, clock });
    const old = await open(before);
    for (let n = 0; n < 5; n++) await old.transact((txn) => txn.put(`old ${n}`, bytes(String(n))));

    expect(await put(logOf(logFiles(directory), cluster), 'new', '1')).toBe(7);
    const log = logOf(logFiles(directory), cluster);
    const keyspace = await open(log);
    expect(Array.from(keyspace.view().range('', '~'), ({ key }) => key)).toEqual([
      'new',
      ...[0, 1, 2, 3, 4].map((n) => `old ${n}`),
    ]);
    expect((await log.read(2, { verify: true })).entries.map(({ sequence }) => sequence)).toEqual([3, 4, 5]);
    expect((await log.read(5, { verify: true })).entries.map(({ sequence }) => sequence)).toEqual([6]);
    const loser = await log.append({ sequence: 3, body: bytes('late') }, clock.now());
    expect(!loser.won && loser.winner).toEqual((await before.read(2, { verify: false })).entries[0]!.body);
    // Without the files it isn't the log that it was before them.
    rmSync(join(directory, `t.${cluster}`), { recursive: true });
    await expect(open(logOf(logFiles(directory), cluster))).rejects.toThrow(CorruptLogError);
  });

  test('what the table has of old entries goes in its time, and the state stays whole', async () => {
    const cluster = randomUUID();
    const time = { at: Date.now(), now: () => time.at };
    const timing = { ...systemTiming(time), now: () => time.at };
    const old = await openKeyspace(dynamoLog({ table: store.table, tenant: 't', keyspace: `${cluster}/kv`, clock: time }), {
      writerId: randomUUID(),
      timing,
    });
    for (let n = 0; n < 5; n++) await old.transact((txn) => txn.put(`old ${n}`, bytes(String(n))));
    const reopened = () =>
      openKeyspace(logOf(logFiles(directory, { segmentBytes: 1 }), cluster, time), {
        writerId: randomUUID(),
        timing,
        takeTurns: false,
      });
    const first = await reopened();
    for (let n = 0; n < 3; n++) await first.transact((txn) => txn.put(`new ${n}`, bytes(String(n))));
    time.at += RETENTION_MS + 1;
    await first.snapshot();
    await first.transact((txn) => txn.put('young', bytes('v')));
    const again = await reopened();
    expect(Array.from(again.view().range('', '~'), ({ key }) => key)).toHaveLength(9);
    expect((await store.table.query(`t#log#${cluster}/kv`, '0', '9')).items).toEqual([]);
    expect(readdirSync(join(directory, `t.${cluster}`, 'kv'))).toHaveLength(2);
  });

  test('who still writes to a deleted cluster is refused, and leaves nothing of it', async () => {
    const cluster = randomUUID();
    const files = logFiles(directory);
    const keyspace = await open(logOf(files, cluster));
    await files.forget('t', cluster);
    await expect(keyspace.transact((txn) => txn.put('k', bytes('v')))).rejects.toThrow('was deleted');
    expect((await store.table.query(`t#snap#${cluster}/kv`, '0', 'z')).items).toEqual([]);
    expect(readdirSync(directory)).not.toContain(`t.${cluster}`);
  });

  test('whose first file was begun by who ended right then is missed all the same, once it has entries', async () => {
    const cluster = randomUUID();
    const begun = logFiles(directory).of('t', cluster, 'kv');
    await begun.open(async () => false);
    await begun.begin(1, clock.now());
    await put(logOf(logFiles(directory), cluster), 'k', 'v');
    rmSync(join(directory, `t.${cluster}`), { recursive: true });
    await expect(open(logOf(logFiles(directory), cluster))).rejects.toThrow(CorruptLogError);
  });

  test('takes writes while the store is down', async () => {
    const cluster = randomUUID();
    const down = { at: false };
    const up = async () => {
      if (down.at) throw new Error('the store is down');
      return store.table;
    };
    const table: Table = {
      get: async (...args) => (await up()).get(...args),
      query: async (...args) => (await up()).query(...args),
      put: async (...args) => (await up()).put(...args),
      putIf: async (...args) => (await up()).putIf(...args),
      deleteAll: async (...args) => (await up()).deleteAll(...args),
    };
    const files = logFiles(directory).of('t', cluster, 'kv');
    const keyspace = await open(fileLog({ table, tenant: 't', keyspace: `${cluster}/kv`, clock, files }));
    await keyspace.transact((txn) => txn.put('k', bytes('1')));
    down.at = true;
    expect((await keyspace.transact((txn) => txn.put('k', bytes('2')))).revision).toBe(3);
    expect(text((await keyspace.sync()).get('k')?.value)).toBe('2');
    down.at = false;
    expect(text((await open(logOf(logFiles(directory), cluster))).view().get('k')?.value)).toBe('2');
  });

  const canMount = process.getuid?.() === 0;
  if (!canMount) console.warn('full disk: skipped, mounting a small disk needs root');
  /** A disk of 2 MB, and how to leave so many blocks of it free. */
  const onSmallDisk = async (use: (disk: string, fill: (blocksLeft: number) => void) => Promise<void>) => {
    const disk = mkdtempSync(join(tmpdir(), 'terrane-small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    try {
      await use(disk, (blocksLeft) => {
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(join(disk, 'ballast'), Buffer.alloc((bavail - blocksLeft) * bsize));
      });
    } finally {
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true });
    }
  };

  (canMount ? test : test.skip)('the first entry of a log on a full disk is refused at once, too', () =>
    onSmallDisk(async (disk, fill) => {
      const cluster = randomUUID();
      const logs = join(disk, 'logs');
      mkdirSync(logs);
      fill(0);
      const keyspace = await open(logOf(logFiles(logs), cluster));
      const put = () => keyspace.transact((txn) => txn.put('k', bytes('v')));
      await expect(put()).rejects.toThrow(StoreFullError);
      rmSync(join(disk, 'ballast'));
      expect((await put()).revision).toBe(2);
    }),
  );

  (canMount ? test : test.skip)('a full disk refuses and changes nothing; with room it goes on', () =>
    onSmallDisk(async (disk, fill) => {
      const cluster = randomUUID();
      const logs = join(disk, 'logs');
      mkdirSync(logs);
      const files = logFiles(logs, { segmentBytes: 100_000 });
      const keyspace = await open(logOf(files, cluster));
      const value = new Uint8Array(10_000).fill(1);
      const puts = () => keyspace.transact((txn) => txn.put(`k ${txn.revision}`, value));
      await puts();
      fill(8);
      const refused = async () => {
        for (;;) await puts();
      };
      for (let n = 0; n < 3; n++) await expect(refused()).rejects.toThrow(StoreFullError);
      const { revision } = keyspace.view();
      await files.close();
      expect((await open(logOf(logFiles(logs), cluster))).view().revision).toBe(revision);
      rmSync(join(disk, 'ballast'));
      for (let n = 1; n < 30; n++) expect((await puts()).revision).toBe(revision + n);
      await files.close();
      expect((await open(logOf(logFiles(logs), cluster))).view().revision).toBe(revision + 29);
    }),
  );

  (canMount ? test : test.skip)(
    'a disk that fails is told of, to clients and in what the server says of its health, and changes nothing; mended, it goes on',
    () =>
      onSmallDisk(async (disk) => {
        const cluster = randomUUID();
        const files = logFiles(disk);
        const keyspace = await open(logOf(files, cluster));
        const put = () => keyspace.transact((txn) => txn.put('k', bytes('v')));
        await put();
        expect(files.problem(Date.now())).toBeUndefined();
        // As the kernel does to a file system whose disk has errors.
        await files.close();
        execFileSync('mount', ['-o', 'remount,ro', disk]);
        for (let n = 0; n < 2; n++) {
          const refused = await put().then(
            () => undefined,
            (error: unknown) => error,
          );
          expect(refused).toBeInstanceOf(StoreFailedError);
          expect(etcdErrorOf(refused)).toMatchObject({
            code: 14,
            message: expect.stringMatching(/^etcdserver: the disk .*EROFS.*dmesg.*backup/),
          });
          expect(files.problem(Date.now())).toContain('EROFS');
        }
        expect(text((await keyspace.sync()).get('k')?.value)).toBe('v');
        execFileSync('mount', ['-o', 'remount,rw', disk]);
        expect((await put()).revision).toBe(3);
        expect(files.problem(Date.now())).toBeUndefined();
      }),
  );
});
