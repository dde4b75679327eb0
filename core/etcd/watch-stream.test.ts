import { describe, expect, test } from '@jest/globals';
import type { ChangeEvent, RevisionEvents } from '../keyspace/types.ts';
import { WatchStream } from './watch-stream.ts';
import type { WatchCreateRequest } from './watch.ts';

const HEAD = 10;

const create = (more: Partial<WatchCreateRequest> = {}): WatchCreateRequest => ({
  key: 'a',
  rangeEnd: '',
  startRevision: 0,
  progressNotify: false,
  filters: [],
  prevKv: false,
  watchId: 0,
  fragment: false,
  ...more,
});

const step = (revision: number, ...changes: string[]): RevisionEvents => ({
  revision,
  events: changes.map((change): ChangeEvent => {
    const [type, key] = change.split(' ') as ['put' | 'delete', string];
    const kv = { key, value: new Uint8Array(0), createRevision: 0, modRevision: revision, version: 0, lease: 0n };
    return { type, kv, prev: undefined };
  }),
});

const shown = (stream: WatchStream, ...steps: RevisionEvents[]) =>
  steps.flatMap((each) =>
    stream
      .deliver(each)
      .map(
        ({ watchId, revision, events }) =>
          `${watchId}@${revision} ${events!.map(({ type, kv }) => `${type} ${kv.key}`).join(', ')}`,
      ),
  );

describe("one client's watches", () => {
  test('each sees its keys, from its revision on, without what it filters; a revision is not split', () => {
    const stream = new WatchStream(HEAD);
    stream.create(create({ startRevision: 8 }), HEAD);
    stream.create(create({ rangeEnd: 'c', filters: ['NOPUT'], startRevision: 9 }), HEAD);
    stream.create(create({ key: '', rangeEnd: '\0', watchId: 7 }), HEAD);
    expect([stream.behindFrom, stream.next]).toEqual([8, 11]);
    const past = stream.catchUp([step(8, 'put a', 'put b'), step(9, 'delete a', 'delete b'), step(10, 'put x')]);
    expect(past.map(({ watchId, events }) => [watchId, events!.map(({ type, kv }) => `${type} ${kv.key}`)])).toEqual([
      [0, ['put a', 'delete a']],
      [1, ['delete a', 'delete b']],
    ]);
    expect(shown(stream, step(11, 'put a', 'put x')).sort()).toEqual(['0@11 put a', '7@11 put a, put x']);
  });

  test('ids are given in order past those taken, and an id is not given twice', () => {
    const stream = new WatchStream(HEAD);
    const ids = [0, 1, 0, 1].map((watchId) => stream.create(create({ watchId }), HEAD));
    expect(ids.map((answer) => [answer.watchId, answer.cancelReason])).toEqual([
      [0, undefined],
      [1, undefined],
      [2, undefined],
      [-1, 'mvcc: duplicate watch ID provided on the WatchStream'],
    ]);
    expect(stream.create(create({ rangeEnd: 'a' }), HEAD)).toMatchObject({
      watchId: -1,
      canceled: true,
      cancelReason: 'mvcc: watcher range is empty',
    });
  });

  test('a cancelled one is silent, and cancelling what is not there is not answered', () => {
    const stream = new WatchStream(HEAD);
    stream.create(create(), HEAD);
    expect(stream.cancel(0, HEAD)).toEqual({ watchId: 0, revision: HEAD, canceled: true });
    expect(stream.cancel(0, HEAD)).toBeUndefined();
    expect([stream.watching, shown(stream, step(11, 'put a'))]).toEqual([false, []]);
  });

  test('progress is told when everything before it was delivered, and never of a future that a watch waits for', () => {
    const stream = new WatchStream(HEAD);
    stream.create(create({ startRevision: 9, progressNotify: true }), HEAD);
    stream.requestProgress(HEAD);
    expect(stream.progress()).toBeUndefined();
    stream.catchUp([step(9, 'put x')]);
    expect(stream.progress()).toBeUndefined();
    stream.catchUp([step(10, 'put a')]);
    expect(stream.progress()).toEqual({ watchId: -1, revision: 10 });
    expect(stream.progress()).toBeUndefined();
    stream.requestProgress(HEAD + 1);
    expect(stream.progress()).toBeUndefined();
    stream.deliver(step(11, 'put x'));
    expect(stream.progress()).toEqual({ watchId: -1, revision: 11 });
    stream.create(create({ startRevision: 20, progressNotify: true }), HEAD + 1);
    stream.requestProgress(HEAD + 1);
    expect(stream.progress()).toBeUndefined();
    stream.notify();
    expect(stream.notify()).toEqual([{ watchId: 0, revision: 11 }]);
  });

  test('a watch of the past comes while others are under way, and sees each revision once, in order', () => {
    const stream = new WatchStream(HEAD);
    stream.create(create(), HEAD);
    expect(shown(stream, step(11, 'put a'))).toEqual(['0@11 put a']);
    stream.create(create({ startRevision: 9, rangeEnd: 'z' }), 11);
    expect(stream.behindFrom).toBe(9);
    const past = stream.catchUp([step(9, 'put b'), step(10, 'delete b')]);
    expect(past.map(({ watchId, events }) => [watchId, events!.map(({ kv }) => kv.modRevision)])).toEqual([[1, [9, 10]]]);
    expect(shown(stream, step(12, 'put a'))).toEqual(['0@12 put a']);
    expect(stream.behindFrom).toBe(11);
    stream.catchUp([step(11, 'put a'), step(12, 'put a')]);
    expect(stream.behindFrom).toBeUndefined();
    expect(shown(stream, step(13, 'put a')).sort()).toEqual(['0@13 put a', '1@13 put a']);
  });

  test('compaction cancels only those that still needed what is gone, and tells who was too slow', () => {
    const stream = new WatchStream(HEAD);
    for (const startRevision of [3, 6, 0]) stream.create(create({ startRevision }), HEAD);
    expect(stream.compacted(5)).toEqual([{ watchId: 0, revision: 0, canceled: true, compactRevision: 5 }]);
    expect(stream.behindFrom).toBe(6);
    expect(stream.compacted(12)).toEqual([
      { watchId: 1, revision: 0, canceled: true, compactRevision: 12 },
      {
        watchId: 2,
        revision: 0,
        canceled: true,
        compactRevision: 12,
        cancelReason: 'etcdserver: mvcc: required revision has been compacted',
      },
    ]);
    expect([stream.next, stream.watching]).toEqual([12, false]);
  });

  test('a long answer comes in parts only to who allows it', () => {
    const stream = new WatchStream(HEAD);
    for (const fragment of [true, false]) stream.create(create({ rangeEnd: 'z', fragment }), HEAD);
    const value = new Uint8Array(900_000);
    const events = ['a', 'b', 'c', 'd', 'e'].map((key): ChangeEvent => {
      const kv = { key, value, createRevision: 11, modRevision: 11, version: 1, lease: 0n };
      return { type: 'put', kv, prev: undefined };
    });
    const answers = stream.deliver({ revision: 11, events });
    expect(answers.map(({ watchId, fragment, events: part }) => [watchId, part!.length, fragment ?? false])).toEqual([
      [0, 2, true],
      [0, 2, true],
      [0, 1, false],
      [1, 5, false],
    ]);
  });
});
