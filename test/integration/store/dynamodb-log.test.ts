import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CorruptLogError, LogRefusedError } from '../../../core/keyspace/errors.ts';
import { type Log, RETENTION_MS } from '../../../core/keyspace/log.ts';
import { type OpenKeyspace, openKeyspace } from '../../../core/keyspace/open.ts';
import { type LogUnderTest, logConformance } from '../../../core/keyspace/testing/log-conformance.ts';
import { dynamoLog } from '../../../store/dynamodb-log.ts';
import { DynamoError } from '../../../store/dynamo-calls.ts';
import { dynamoTable, type Table } from '../../../store/table.ts';
import { type Item } from '../../../store/log-items.ts';
import { POINTER } from '../../../store/log-keys.ts';
import { systemTiming } from '../../../store/system-timing.ts';
import { type EmbeddedStore, embeddedStore } from './embedded-store.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
/** Doesn't compress. */
const noise = (length: number) => Uint8Array.from({ length }, (_, index) => (Math.sin(index) * 1e9) & 0xff);

describe('a log in DynamoDB', () => {
  let store: EmbeddedStore;
  beforeAll(async () => {
    store = await embeddedStore();
  });
  afterAll(() => store.stop());

  const make = async (keyspace = `${randomUUID()}/kv`): Promise<LogUnderTest & { log: Log }> => {
    const clock = { time: Date.now(), now: () => clock.time };
    return {
      log: dynamoLog({ table: store.table, tenant: 't', keyspace, clock }),
      get now() {
        return clock.time;
      },
      set now(time) {
        clock.time = time;
      },
    };
  };
  const open = (keyspace: string, clock = { now: () => Date.now() }): Promise<OpenKeyspace> =>
    openKeyspace(dynamoLog({ table: store.table, tenant: 't', keyspace, clock }), {
      writerId: randomUUID(),
      timing: systemTiming(clock),
      // Only when the test says so.
      snapshotAfterBytes: Number.POSITIVE_INFINITY,
    });
  /** All but the snapshot pointer. */
  const items = async (pk: string) => {
    const all: Item[] = [];
    for (let next: Item | undefined, first = true; first || next; first = false) {
      const page = await store.table.query(pk, '0', POINTER, { next });
      all.push(...page.items);
      next = page.next;
    }
    return all;
  };

  logConformance(make);

  describe('large commits', () => {
    test('a transaction of 1.4 MB is one commit: all of it or nothing, for every reader', async () => {
      const keyspace = `${randomUUID()}/kv`;
      const writer = await open(keyspace);
      const value = noise(14_000);
      await writer.transact((txn) => {
        for (let n = 0; n < 100; n++) txn.put(`key ${n}`, value);
      });
      const reader = await open(keyspace);
      expect(reader.view().revision).toBe(2);
      expect(reader.view().count('', '~')).toBe(100);
      expect(Buffer.compare(reader.view().get('key 42')!.value, value)).toBe(0);
      expect(await items(`t#log#${keyspace}`)).toHaveLength(1);
    });

    test('one above 1.5 MB is refused by name, and nothing of it is written', async () => {
      const keyspace = `${randomUUID()}/kv`;
      const writer = await open(keyspace);
      await expect(writer.transact((txn) => txn.put('k', new Uint8Array(1_500_001)))).rejects.toThrow('request is too large');
      expect(writer.view().get('k')).toBeUndefined();
      expect([...(await items(`t#log#${keyspace}`)), ...(await items(`t#chunk#${keyspace}`))]).toEqual([]);
    });
  });

  describe('damage is refused, never shown as a smaller state', () => {
    const prepared = async (how: 'entry' | 'long entry' | 'snapshot') => {
      const keyspace = `${randomUUID()}/kv`;
      const writer = await open(keyspace);
      for (let n = 0; n < 3; n++)
        await writer.transact((txn) => txn.put(`k${n}`, how === 'long entry' ? noise(800_000) : bytes('v')));
      if (how === 'snapshot') {
        await writer.transact((txn) => txn.put('big', noise(1_000_000)));
        await writer.snapshot();
      }
      return { keyspace, writer };
    };
    const damage = async (pk: string, index: number) => {
      const item = (await items(pk))[index]!;
      const stored = Uint8Array.from(item['b']!.B!);
      stored[stored.length >> 1]! ^= 1;
      await store.table.put({ ...item, b: { B: stored } });
    };
    const remove = async (pk: string, index: number) => {
      const item = (await items(pk))[index]!;
      await store.table.deleteAll([{ pk, sk: item['sk']!.S! }]);
    };

    test.each([
      ['a flipped bit in an entry', 'entry', (k: string) => damage(`t#log#${k}`, 1)],
      ['a flipped bit in a part of a long entry', 'long entry', (k: string) => damage(`t#chunk#${k}`, 3)],
      ['a missing part of a long entry', 'long entry', (k: string) => remove(`t#chunk#${k}`, 3)],
      ['a missing entry amid others', 'entry', (k: string) => remove(`t#log#${k}`, 1)],
      ['a flipped bit in a snapshot', 'snapshot', (k: string) => damage(`t#snap#${k}`, 1)],
      ['a missing part of a snapshot', 'snapshot', (k: string) => remove(`t#snap#${k}`, 1)],
      [
        'a missing last part of a snapshot',
        'snapshot',
        async (k: string) => remove(`t#snap#${k}`, (await items(`t#snap#${k}`)).length - 1),
      ],
    ] as const)('%s', async (_, how, harm) => {
      const { keyspace } = await prepared(how);
      await harm(keyspace);
      await expect(open(keyspace)).rejects.toThrow(CorruptLogError);
    });

    test('a replica that meets damage while it runs refuses reads and writes from then on', async () => {
      const { keyspace } = await prepared('entry');
      const reader = await open(keyspace);
      const writer = await open(keyspace);
      await writer.transact((txn) => txn.put('k9', bytes('v')));
      await damage(`t#log#${keyspace}`, 3);
      await expect(reader.sync()).rejects.toThrow('is damaged');
      expect(() => reader.view()).toThrow(CorruptLogError);
      await expect(reader.transact((txn) => txn.put('x', bytes('v')))).rejects.toThrow(CorruptLogError);
      expect(reader.failure).toBeInstanceOf(CorruptLogError);
    });
  });

  describe('retention', () => {
    test('what is covered and old goes, with its parts and old snapshots; who starts later has the whole state', async () => {
      const keyspace = `${randomUUID()}/kv`;
      const clock = { time: Date.now(), now: () => clock.time };
      const writer = await open(keyspace, clock);
      await writer.transact((txn) => txn.put('long', noise(800_000)));
      await writer.snapshot();
      for (let n = 0; n < 40; n++) await writer.transact((txn) => txn.put(`k${n % 7}`, bytes(String(n))));
      clock.time += RETENTION_MS + 1;
      await writer.transact((txn) => txn.put('young', bytes('v')));
      await writer.snapshot();
      expect((await items(`t#log#${keyspace}`)).map((item) => Number(item['sk']!.S))).toEqual([42]);
      expect(await items(`t#chunk#${keyspace}`)).toEqual([]);
      expect(new Set((await items(`t#snap#${keyspace}`)).map((item) => item['sk']!.S!.split('#')[0]))).toEqual(
        new Set(['0000000000000042']),
      );
      const reader = await open(keyspace, clock);
      const dump = (from: OpenKeyspace) => Array.from(from.view().range('', '~'), (kv) => ({ ...kv }));
      expect(dump(reader)).toEqual(dump(writer));
      expect(reader.view().revision).toBe(43);
    });

    test('a process frozen for longer than the retention can not fork history', async () => {
      const keyspace = `${randomUUID()}/kv`;
      const clock = { time: Date.now(), now: () => clock.time };
      const frozen = await open(keyspace, clock);
      await frozen.transact((txn) => txn.put('k', bytes('1')));
      const other = await open(keyspace, clock);
      for (let n = 0; n < 5; n++) await other.transact((txn) => txn.put('k', bytes(`other ${n}`)));
      clock.time += RETENTION_MS + 60_001;
      await other.transact((txn) => txn.put('late', bytes('v')));
      await other.snapshot();
      // The place after the frozen one's state is free again, and it must not take it.
      expect((await items(`t#log#${keyspace}`)).map((item) => Number(item['sk']!.S))).toEqual([7]);
      const { revision, result } = await frozen.transact((txn) => {
        const seen = new TextDecoder().decode(txn.get('k')?.value);
        txn.put('thawed', bytes('v'));
        return seen;
      });
      expect([revision, result]).toEqual([9, 'other 4']);
      expect((await other.sync()).get('thawed')?.modRevision).toBe(9);
    });
  });

  test('a full disk is said to be that, at once, and nothing was changed; with room it goes on', async () => {
    const keyspace = `${randomUUID()}/kv`;
    let full = true;
    // What dynoxide answers then.
    const answer = new DynamoError('InternalServerError', 'commit failed (backend: database or disk is full)', 500, undefined);
    const table: Table = {
      ...store.table,
      putIf: (...args) => (full ? Promise.reject(answer) : store.table.putIf(...args)),
    };
    const clock = { now: () => Date.now() };
    const log = dynamoLog({ table, tenant: 't', keyspace, clock });
    const writer = await openKeyspace(log, { writerId: randomUUID(), timing: systemTiming(clock) });
    const put = () => writer.transact((txn) => txn.put('k', bytes('v')));
    await expect(put()).rejects.toThrow('is full: nothing was changed');
    expect((await writer.sync()).get('k')).toBeUndefined();
    full = false;
    expect((await put()).revision).toBe(2);
  });

  test('what the store refuses for good is said at once', async () => {
    const table = dynamoTable(store.client, 'no-such-table');
    const log = dynamoLog({ table, tenant: 't', keyspace: 'k', clock: { now: () => 0 } });
    await expect(log.append({ sequence: 1, body: bytes('x') }, 0)).rejects.toThrow(LogRefusedError);
  });
});
