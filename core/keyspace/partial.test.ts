import { describe, expect, test } from '@jest/globals';
import { AFTER_ALL_KEYS } from './keys.ts';
import { MemoryLog } from './memory-log.ts';
import { openKeyspace } from './open.ts';
import { Replica } from './replica.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts';
import type { KeyspaceState } from './state.ts';
import { eventsSince } from './testing/events-since.ts';
import { noTiming } from './timing.ts';

const bytes = (text: string) => Buffer.from(text);
const keep = (key: string) => key.startsWith('app/');

function contentOf(state: KeyspaceState) {
  return {
    revision: state.revision,
    compacted: state.compactRevision,
    keys: Array.from(state.view().range('', AFTER_ALL_KEYS), ({ key, value, modRevision, createRevision, version }) => [
      key,
      Buffer.from(value).toString(),
      modRevision,
      createRevision,
      version,
    ]),
  };
}

async function filledLog() {
  const log = new MemoryLog();
  const keyspace = await openKeyspace(log, { writerId: 'w', timing: noTiming });
  const put = (key: string, value: string) => keyspace.transact((txn) => txn.put(key, bytes(value)));
  await put('app/a', '1');
  await put('other/a', '1');
  await keyspace.transact((txn) => {
    txn.put('app/b', bytes('2'));
    txn.put('other/b', bytes('2'));
  });
  await keyspace.transact((txn) => void txn.delete('other/a'));
  await put('app/a', '3');
  return { log, keyspace, put };
}

describe('a replica that keeps a part of the keys', () => {
  test('has those keys as everyone else has them, and no others', async () => {
    const { log, keyspace } = await filledLog();
    const replica = new Replica(log, noTiming, { keep });
    await replica.open();
    expect(contentOf(replica.state)).toEqual({
      revision: keyspace.view().revision,
      compacted: 0,
      keys: [
        ['app/a', '3', 6, 2, 2],
        ['app/b', '2', 4, 4, 1],
      ],
    });
    expect(replica.state.history.at(5)).toEqual({ revision: 5, events: [] });
    expect(replica.state.at(3).get('app/a')?.modRevision).toBe(2);
  });

  test('takes its part of a whole snapshot, and comes back whole from its own', async () => {
    const { log, keyspace, put } = await filledLog();
    await keyspace.transact((txn) => txn.compact(3));
    await keyspace.snapshot();
    await put('app/c', '4');
    const replica = new Replica(log, noTiming, { keep });
    await replica.open();
    expect(replica.state.history.at(3)).toEqual({ revision: 3, events: [] });

    const { state } = replica;
    const chunks = async function* () {
      yield* encodeSnapshot(state);
    };
    const restored = await decodeSnapshot(state.sequence, chunks(), { keep });
    expect(contentOf(restored)).toEqual(contentOf(state));
    expect(eventsSince(restored, 0).map(({ revision, events }) => [revision, events.length])).toEqual([
      [3, 0],
      [4, 1],
      [5, 0],
      [6, 1],
      [7, 1],
    ]);
  });

  test('keeps no memory of the snapshot that it was loaded from but that of its own keys, and of as much as it has room for', async () => {
    const log = new MemoryLog();
    const keyspace = await openKeyspace(log, { writerId: 'w', timing: noTiming });
    for (let n = 0; n < 100; n++) {
      await keyspace.transact((txn) => {
        txn.put(`app/${n}`, bytes(`${n}`));
        for (let other = 0; other < 10; other++) txn.put(`other/${other}`, new Uint8Array(10_000));
      });
    }
    await keyspace.snapshot();
    const blocksOf = ({ state }: Replica) => {
      const blocks = new Set(Array.from(state.view().range('', AFTER_ALL_KEYS), ({ value }) => value.buffer));
      return [...blocks].reduce((sum, { byteLength }) => sum + byteLength, 0);
    };
    const chosen = new Replica(log, noTiming, { keep });
    await chosen.open();
    expect(chosen.state.view().count('', AFTER_ALL_KEYS)).toBe(100);
    expect(blocksOf(chosen)).toBeLessThan(10_000);
    const bounded = new Replica(log, noTiming, { admit: (state) => state.forgetOldest({ bytes: 0, revisions: 10 }) });
    await bounded.open();
    expect(bounded.state.view().count('', AFTER_ALL_KEYS)).toBe(110);
    expect(blocksOf(bounded)).toBeLessThan(200_000);
  });
});
