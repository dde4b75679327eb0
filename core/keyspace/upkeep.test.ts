import { describe, expect, test } from '@jest/globals';
import type { Log } from './log.ts';
import { MemoryLog } from './memory-log.ts';
import { openKeyspace } from './open.ts';
import { noTiming } from './timing.ts';

const value = new Uint8Array(1_000);
const open = (log: Log, writerId: string, options: { snapshotAfterBytes?: number; keepRevisions?: number } = {}) =>
  openKeyspace(log, { writerId, timing: noTiming, snapshotAfterBytes: 20_000, ...options });

/** The log, and how many snapshots were written to it. */
function counted() {
  const memory = new MemoryLog();
  const log: Log & { snapshots: number } = {
    snapshots: 0,
    read: memory.read.bind(memory),
    append: memory.append.bind(memory),
    loadSnapshot: memory.loadSnapshot.bind(memory),
    snapshotSequence: memory.snapshotSequence.bind(memory),
    saveSnapshot(sequence, chunks) {
      log.snapshots++;
      return memory.saveSnapshot(sequence, chunks);
    },
  };
  return log;
}

describe('upkeep', () => {
  test('writes a snapshot when the log has grown by the size of the state, and not before', async () => {
    const log = counted();
    const keyspace = await open(log, 'w', { keepRevisions: 10 });
    const sequences: number[] = [];
    for (let n = 0; n < 400; n++) {
      await keyspace.transact((txn) => txn.put(`k${n % 100}`, value));
      await keyspace.settled();
      sequences.push(await log.snapshotSequence());
    }
    const taken = [...new Set(sequences)].filter((sequence) => sequence > 0);
    expect(log.snapshots).toBe(taken.length);
    expect(taken[0]).toBeGreaterThanOrEqual(20);
    // 100 keys of 1 KB: about one snapshot in 100 commits once all are there.
    expect(taken.length).toBeGreaterThan(3);
    expect(taken.length).toBeLessThan(12);
  });

  test('of several replicas one writes it', async () => {
    const log = counted();
    const options = { snapshotAfterBytes: 40_000, keepRevisions: 5 };
    const replicas = await Promise.all(['a', 'b', 'c', 'd'].map((id) => open(log, id, options)));
    for (let n = 0; n < 100; n++) {
      const replica = replicas[n % 4]!;
      await replica.transact((txn) => txn.put('k', value));
      await replica.settled();
    }
    expect(log.snapshots).toBe(2);
  });

  test('compacts by itself when told how much to keep', async () => {
    const keyspace = await open(new MemoryLog(), 'w', { keepRevisions: 50 });
    for (let n = 0; n < 500; n++) {
      await keyspace.transact((txn) => txn.put('k', value));
      await keyspace.settled();
    }
    const readable = keyspace.view().revision - keyspace.compactRevision;
    expect(readable).toBeGreaterThanOrEqual(50);
    expect(readable).toBeLessThanOrEqual(101);
  });

  test('a failing snapshot fails nobody, and is told', async () => {
    const log = counted();
    log.saveSnapshot = () => Promise.reject(new Error('disk full'));
    const errors: unknown[] = [];
    const keyspace = await openKeyspace(log, {
      writerId: 'w',
      timing: noTiming,
      snapshotAfterBytes: 1,
      onError: (error) => errors.push(error),
    });
    await keyspace.transact((txn) => txn.put('k', value));
    await keyspace.settled();
    expect(errors).toEqual([new Error('disk full')]);
    await keyspace.transact((txn) => txn.put('k', value));
  });

  test('a snapshot written while commits go on is one state, whole', async () => {
    const log = counted();
    const keyspace = await open(log, 'w', { snapshotAfterBytes: Number.POSITIVE_INFINITY });
    await keyspace.transact((txn) => {
      for (let n = 0; n < 1_000; n++) txn.put(`k${String(n).padStart(4, '0')}`, value);
    });
    const save = log.saveSnapshot.bind(log);
    log.saveSnapshot = async (sequence, chunks) => {
      // Each chunk is taken after another commit has changed every key.
      const taken: Uint8Array[] = [];
      for (const chunk of chunks) {
        taken.push(chunk.slice());
        await keyspace.transact((txn) => {
          for (let n = 0; n < 1_000; n++) txn.delete(`k${String(n).padStart(4, '0')}`);
          txn.put(`chunk ${taken.length}`, value);
        });
      }
      await save(sequence, taken);
    };
    await keyspace.snapshot();
    expect(await log.snapshotSequence()).toBe(1);
    const newcomer = await open(log, 'newcomer');
    expect(newcomer.at(2).range('', '~').next().value).toMatchObject({ key: 'k0000', modRevision: 2 });
    expect([...newcomer.at(2).range('', '~')]).toHaveLength(1_000);
    expect(Array.from(newcomer.view().range('', '~'), ({ key }) => key)).toEqual(
      Array.from(keyspace.view().range('', '~'), ({ key }) => key),
    );
  });
});
