import { describe, expect, test } from '@jest/globals';
import { ClosedError, CompactedError } from './errors.ts';
import { memoryKeyspace } from './memory.ts';
import { MemoryLog } from './memory-log.ts';
import { openKeyspace } from './open.ts';
import { noTiming } from './timing.ts';

const value = Uint8Array.of(1);
const all = { from: '', to: '~' };
const forever = new AbortController().signal;

describe('watching a range', () => {
  test('gives what happened before and what happens after, one step a revision, and nothing outside the range', async () => {
    const keyspace = memoryKeyspace();
    await keyspace.transact((txn) => ['a', 'b', 'x'].forEach((key) => txn.put(key, value)));
    await keyspace.transact((txn) => txn.put('x', value));
    const watching = keyspace.watch({ from: 'a', to: 'c' }, 0, forever);
    expect((await watching.next()).value).toMatchObject({ revision: 2, events: [{ kv: { key: 'a' } }, { kv: { key: 'b' } }] });
    const next = watching.next();
    await keyspace.transact((txn) => txn.delete('b'));
    expect(await next).toMatchObject({
      value: { revision: 4, events: [{ type: 'delete', kv: { key: 'b', modRevision: 4, version: 0 }, prev: { key: 'b' } }] },
    });
  });

  test('starts at the revision asked for, even one that is yet to come', async () => {
    const keyspace = memoryKeyspace();
    const next = keyspace.watch(all, 3, forever).next();
    for (const key of ['a', 'b']) await keyspace.transact((txn) => txn.put(key, value));
    expect((await next).value).toMatchObject({ revision: 3, events: [{ kv: { key: 'b' } }] });
  });

  test('ends when it is aborted, also while it waits', async () => {
    const keyspace = memoryKeyspace();
    const stop = new AbortController();
    const next = keyspace.watch(all, 0, stop.signal).next();
    stop.abort();
    expect((await next).done).toBe(true);
    expect(keyspace.watchers).toBe(0);
  });

  test('from before the compaction is refused, with the oldest revision that can be had; from the compaction on it is not', async () => {
    const keyspace = memoryKeyspace();
    for (const key of ['a', 'b', 'c']) await keyspace.transact((txn) => txn.put(key, value));
    await keyspace.transact((txn) => txn.delete('b'));
    await keyspace.transact((txn) => txn.compact(5));
    await expect(keyspace.watch(all, 4, forever).next()).rejects.toEqual(new CompactedError(5));
    // A deletion at the compaction revision itself can still be seen (etcd #18089).
    expect((await keyspace.watch(all, 5, forever).next()).value).toMatchObject({ revision: 5, events: [{ type: 'delete' }] });
  });

  test('is told when a compaction overtakes it', async () => {
    const keyspace = memoryKeyspace();
    const watching = keyspace.watch(all, 2, forever);
    for (const key of ['a', 'b', 'c']) await keyspace.transact((txn) => txn.put(key, value));
    await watching.next();
    await keyspace.transact((txn) => txn.compact(4));
    await expect(watching.next()).rejects.toThrow(CompactedError);
  });

  test('hears at once of what another replica wrote, if the log can notify', async () => {
    const log = new MemoryLog();
    const [one, other] = await Promise.all(['one', 'other'].map((writerId) => openKeyspace(log, { writerId, timing: noTiming })));
    const next = one!.watch(all, 0, forever).next();
    await other!.transact((txn) => txn.put('a', value));
    expect((await next).value?.revision).toBe(2);
  });

  test('ends with an error when the keyspace is closed, as does everything else', async () => {
    const keyspace = memoryKeyspace();
    const next = keyspace.watch(all, 0, forever).next();
    await keyspace.close();
    await expect(next).rejects.toThrow(ClosedError);
    await expect(keyspace.transact((txn) => txn.put('a', value))).rejects.toThrow(ClosedError);
    await expect(keyspace.sync()).rejects.toThrow(ClosedError);
  });
});
