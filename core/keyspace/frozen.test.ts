import { describe, expect, test } from '@jest/globals';
import { HEAD_TRUSTED_MS, type Log, RETENTION_MS } from './log.ts';
import { MemoryLog } from './memory-log.ts';
import { openKeyspace } from './open.ts';
import { VirtualTime } from './testing/virtual-time.ts';

const value = Uint8Array.of(1);

/** Counts the reads that check that nothing was trimmed. */
function counting(log: Log): Log & { verified: number } {
  const counted = {
    verified: 0,
    read: (after: number, options: { verify: boolean }) => {
      if (options.verify) counted.verified++;
      return log.read(after, options);
    },
    append: log.append.bind(log),
    loadSnapshot: log.loadSnapshot.bind(log),
    snapshotSequence: log.snapshotSequence.bind(log),
    saveSnapshot: log.saveSnapshot.bind(log),
  };
  return counted;
}

async function setUp() {
  const time = new VirtualTime();
  const log = counting(new MemoryLog(() => time.now()));
  const open = (writerId: string) => openKeyspace(log, { writerId, timing: time });
  return { time, log, frozen: await open('frozen'), other: await open('other'), open };
}

describe('a writer that was frozen', () => {
  test('for more than a minute looks at the log before it appends; within the minute it needs no look', async () => {
    const { time, log, frozen } = await setUp();
    await frozen.transact((txn) => txn.put('k', value));
    log.verified = 0;
    time.jump(HEAD_TRUSTED_MS);
    await frozen.transact((txn) => txn.put('k', value));
    expect(log.verified).toBe(0);
    time.jump(HEAD_TRUSTED_MS + 1);
    await frozen.transact((txn) => txn.put('k', value));
    expect(log.verified).toBe(1);
  });

  test('beyond the retention does not fork history: it starts again from the snapshot and sees all that happened', async () => {
    const { time, frozen, other, open } = await setUp();
    await frozen.transact((txn) => txn.put('k', value));
    for (let n = 0; n < 5; n++) await other.transact((txn) => txn.put(`other ${n}`, value));
    time.jump(RETENTION_MS + 1);
    await other.snapshot();
    const { revision, result } = await frozen.transact((txn) => {
      const seen = [...txn.range('', '~')].length;
      txn.put('thawed', value);
      return seen;
    });
    expect([revision, result]).toEqual([8, 6]);
    const all = await Promise.all([frozen.sync(), other.sync(), (await open('new')).sync()]);
    for (const view of all) expect([view.revision, view.count('', '~')]).toEqual([8, 7]);
  });

  test('beyond the retention also reads nothing stale, and its watchers miss nothing', async () => {
    const { time, frozen, other } = await setUp();
    await frozen.transact((txn) => txn.put('k', value));
    const stop = new AbortController();
    const watching = frozen.watch({ from: '', to: '~' }, 2, stop.signal);
    expect((await watching.next()).value?.revision).toBe(2);
    for (let n = 0; n < 3; n++) await other.transact((txn) => txn.put(`other ${n}`, value));
    time.jump(RETENTION_MS + 1);
    await other.snapshot();
    expect((await frozen.sync()).revision).toBe(5);
    for (const revision of [3, 4, 5]) expect((await watching.next()).value?.revision).toBe(revision);
    stop.abort();
    expect((await watching.next()).done).toBe(true);
  });

  test('between the check and the put is refused by the log, looks, and goes on', async () => {
    const time = new VirtualTime();
    const memory = new MemoryLog(() => time.now());
    let freezes = 1;
    const log = counting({
      ...counting(memory),
      append(entry, headVerifiedAt) {
        if (freezes-- > 0) time.jump(HEAD_TRUSTED_MS + 1);
        return memory.append(entry, headVerifiedAt);
      },
    });
    const keyspace = await openKeyspace(log, { writerId: 'w', timing: time });
    const { revision } = await time.run(keyspace.transact((txn) => txn.put('k', value)));
    expect([revision, log.verified]).toEqual([2, 2]);
  });
});
