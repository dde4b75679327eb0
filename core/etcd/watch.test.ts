import { describe, expect, test } from '@jest/globals';
import type { ChangeEvent, RevisionEvents } from '../keyspace/types.ts';
import { type WatchCreateRequest, WatchStream } from './watch.ts';

const HEAD = 10;

const create = (more: Partial<WatchCreateRequest> = {}): WatchCreateRequest => ({
  key: 'a',
  rangeEnd: '',
  startRevision: 0,
  progressNotify: false,
  filters: [],
  prevKv: false,
  watchId: 0,
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
    expect(stream.next).toBe(8);
    expect(
      shown(stream, step(8, 'put a', 'put b'), step(9, 'delete a', 'delete b'), step(10, 'put x'), step(11, 'put a', 'put x')),
    ).toEqual(['0@8 put a', '0@9 delete a', '1@9 delete a, delete b', '0@11 put a', '7@11 put a, put x']);
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
    stream.requestProgress();
    expect(stream.progress(HEAD)).toBeUndefined();
    stream.deliver(step(9, 'put x'));
    expect(stream.progress(HEAD)).toBeUndefined();
    stream.deliver(step(10, 'put a'));
    expect(stream.progress(HEAD)).toEqual({ watchId: -1, revision: 10 });
    expect(stream.progress(HEAD)).toBeUndefined();
    stream.create(create({ startRevision: 20, progressNotify: true }), HEAD);
    stream.requestProgress();
    expect(stream.progress(HEAD)).toBeUndefined();
    expect(stream.notify()).toEqual([{ watchId: 0, revision: 10 }]);
  });

  test('compaction cancels only those that still needed what is gone', () => {
    const stream = new WatchStream(HEAD);
    for (const startRevision of [3, 6, 0]) stream.create(create({ startRevision }), HEAD);
    expect(stream.compacted(5)).toEqual([{ watchId: 0, revision: 0, canceled: true, compactRevision: 5 }]);
    expect(stream.next).toBe(5);
    expect(shown(stream, step(6, 'put a'))).toEqual(['1@6 put a']);
  });
});
