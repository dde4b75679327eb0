import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryLog } from '../../../core/keyspace/memory-log.ts';
import { type OpenKeyspace, openKeyspace } from '../../../core/keyspace/open.ts';
import { VirtualTime } from '../../../core/keyspace/testing/virtual-time.ts';
import { decodePast, encodePast } from '../../../core/node/kv-past.ts';
import { readPast } from './past.ts';

let keyspace: OpenKeyspace;

beforeEach(async () => {
  const time = new VirtualTime();
  keyspace = await openKeyspace(new MemoryLog(() => time.now()), { writerId: 'w', timing: time, takeTurns: false });
});

/** Answers the revision. */
const put = async (key: string, value: Uint8Array = Buffer.from(key)): Promise<number> =>
  (await keyspace.transact((txn) => txn.put(key, value))).revision;
const past = async (from: number, to: number) => decodePast(encodePast(await readPast(keyspace, { from, to })));
const told = async (from: number, to: number) => {
  const answer = await past(from, to);
  return 'steps' in answer ? answer.steps.map(({ revision }) => revision) : answer;
};

describe('the past, for a host that has forgotten it,', () => {
  test('is what happened, with what was there before', async () => {
    const first = await put('k\xff', Buffer.from('one'));
    await keyspace.transact((txn) => txn.put('k\xff', Buffer.from('two'), 0n));
    await keyspace.transact((txn) => txn.delete('k\xff'));
    const answer = await past(first, first + 3);
    const steps = 'steps' in answer ? answer.steps : [];
    const shown = steps.map(({ revision, events }) => [
      revision,
      ...events.map(({ type, kv, prev }) => [
        type,
        kv.key,
        String(Buffer.from(kv.value)),
        prev && String(Buffer.from(prev.value)),
      ]),
    ]);
    expect(shown).toEqual([
      [first, ['put', 'k\xff', 'one', undefined]],
      [first + 1, ['put', 'k\xff', 'two', 'one']],
      [first + 2, ['delete', 'k\xff', '', 'two']],
    ]);
    expect(steps[1]!.events[0]!.kv).toMatchObject({ createRevision: first, modRevision: first + 1, version: 2, lease: 0n });
  });

  test('ends before what was not asked for, and before what has not happened yet', async () => {
    expect(await told(0, 1_000_000)).toEqual([]);
    expect(await told(1, 2)).toEqual([]);
    const first = await put('a');
    await put('b');
    expect(await told(first, first + 1)).toEqual([first]);
    expect(await told(first, 1_000_000)).toEqual([first, first + 1]);
    expect(await told(first + 2, 1_000_000)).toEqual([]);
    expect(await told(first, first)).toEqual([]);
  });

  test('comes in pages, the first one never empty', async () => {
    const first = await put('k', new Uint8Array(700_000));
    await put('k', new Uint8Array(700_000));
    await put('k', new Uint8Array(1));
    const seen: number[] = [];
    for (let next = first; next < first + 3; next = seen.at(-1)! + 1) {
      const page = await told(next, first + 3);
      expect(page).not.toEqual([]);
      seen.push(...(page as number[]));
    }
    expect(seen).toEqual([first, first + 1, first + 2]);
    expect(await told(first, first + 3)).toEqual([first]);
  });

  test('begins where it was compacted, or behind a revision that no answer can hold', async () => {
    const first = await put('a');
    await put('a');
    await keyspace.transact((txn) => txn.compact(first + 1));
    expect(await told(first, first + 2)).toEqual({ compactRevision: first + 1 });
    for (let n = 0; n < 5; n++) await put(`large${n}`, new Uint8Array(1_000_000));
    const { revision } = await keyspace.transact((txn) => {
      for (let n = 0; n < 5; n++) txn.delete(`large${n}`);
    });
    expect(await told(revision, revision + 1)).toEqual({ compactRevision: revision + 1 });
  });
});
