import { describe, expect, test } from '@jest/globals';
import { memoryKeyspace } from '../keyspace/memory.ts';
import { MemoryLog } from '../keyspace/memory-log.ts';
import { assembleKeyspace, openKeyspace } from '../keyspace/open.ts';
import { Replica } from '../keyspace/replica.ts';
import { noTiming } from '../keyspace/timing.ts';
import { openWatchSession, type WatchSessionOptions } from './watch-session.ts';
import { put } from './put.ts';
import { putOf } from './testing/requests.ts';
import type { WatchSession } from './service.ts';
import type { WatchAnswer, WatchCreateRequest } from './watch.ts';

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

function world(options: Partial<WatchSessionOptions> = {}) {
  const keyspace = memoryKeyspace();
  const timers = new Set<() => void>();
  const schedule = (_: number, action: () => void) => {
    timers.add(action);
    return () => void timers.delete(action);
  };
  const session = openWatchSession({ source: keyspace, schedule, ...options });
  const iterator = session.answers[Symbol.asyncIterator]();
  return {
    keyspace,
    session,
    timers,
    iterator,
    put: (key: string, value = '') => keyspace.transact((txn) => put(txn, putOf(key, value))),
    next: async () => (await iterator.next()).value as WatchAnswer,
    create: (more?: Partial<WatchCreateRequest>) => session.send({ type: 'create', request: create(more) }),
  };
}

const ended = async (session: WatchSession): Promise<WatchAnswer[]> => {
  const all: WatchAnswer[] = [];
  for await (const answer of session.answers) all.push(answer);
  return all;
};

describe("a client's stream of watches", () => {
  test('watches come and go while it runs, past and present', async () => {
    const { create: watch, next, put: write, session, keyspace } = world();
    watch();
    expect(await next()).toEqual({ watchId: 0, revision: 1, created: true });
    await write('a');
    expect(await next()).toMatchObject({ watchId: 0, revision: 2 });
    watch({ key: 'b', startRevision: 1 });
    expect(await next()).toMatchObject({ watchId: 1, created: true });
    await write('b');
    expect(await next()).toMatchObject({ watchId: 1, events: [{ kv: { key: 'b' } }] });
    session.send({ type: 'cancel', watchId: 0 });
    expect(await next()).toMatchObject({ watchId: 0, canceled: true });
    await write('a');
    await write('b');
    expect(await next()).toMatchObject({ watchId: 1, revision: 5 });
    session.close();
    expect(await next()).toBeUndefined();
    expect(keyspace.watchers).toBe(0);
  });

  test('progress that is asked for covers what was written before, and comes after its events', async () => {
    const { create: watch, next, put: write, session } = world();
    watch();
    await next();
    await write('a');
    await write('x');
    session.send({ type: 'progress' });
    const answers = [await next(), await next()];
    expect(answers).toMatchObject([
      { watchId: 0, revision: 2 },
      { watchId: -1, revision: 3 },
    ]);
  });

  test('a watch that asks for it is told of progress while nothing happens', async () => {
    const { create: watch, next, timers } = world();
    watch({ progressNotify: true });
    await next();
    for (const ring of timers) ring();
    expect(await next()).toEqual({ watchId: 0, revision: 1 });
  });

  test('a reader that does not read costs no memory, and is cancelled with the reason once compaction overtakes it', async () => {
    const { create: watch, next, put: write, keyspace } = world();
    watch();
    await next();
    for (let n = 0; n < 50; n++) await write('a', String(n));
    await keyspace.transact((txn) => txn.compact(40));
    expect(await next()).toMatchObject({
      watchId: 0,
      canceled: true,
      compactRevision: 40,
      cancelReason: 'etcdserver: mvcc: required revision has been compacted',
    });
  });

  test('ten thousand watches on one stream each get their own event', async () => {
    const { create: watch, session, put: write } = world();
    const count = 10_000;
    for (let n = 0; n < count; n++) watch({ key: `k${n}`, startRevision: n % 2 });
    const answers = session.answers[Symbol.asyncIterator]();
    for (let n = 0; n < count; n++) expect((await answers.next()).value).toMatchObject({ watchId: n, created: true });
    for (const n of [0, 1, 4_711, 9_999]) {
      await write(`k${n}`);
      expect((await answers.next()).value).toMatchObject({ watchId: n, events: [{ kv: { key: `k${n}` } }] });
    }
  });

  test('a client that asks without end and never reads loses its stream', async () => {
    const { session } = world();
    for (let n = 0; n <= 100_000; n++) session.send({ type: 'progress' });
    await expect(ended(session)).rejects.toThrow('etcdserver: too many requests');
  });

  test('a source that fails ends the stream with an error, and one that goes away as it should', async () => {
    const { create: watch, next, keyspace, iterator } = world();
    watch();
    await next();
    await keyspace.close();
    await expect(iterator.next()).rejects.toThrow('etcdserver: server stopped');
  });

  test('after its last request it ends when no watch is left', async () => {
    const { create: watch, session, keyspace, put: write } = world();
    for (const key of ['a', 'b', 'c']) await write(key);
    await keyspace.transact((txn) => txn.compact(3));
    watch({ startRevision: 2 });
    session.end();
    expect(await ended(session)).toMatchObject([{ created: true }, { canceled: true, compactRevision: 3 }]);
  });

  test('where only some keys are kept, what happened to others holds up neither watches of the past nor reports of progress', async () => {
    const log = new MemoryLog();
    const writer = await openKeyspace(log, { writerId: 'w', timing: noTiming });
    const write = (key: string) => writer.transact((txn) => put(txn, putOf(key, '')));
    for (const key of ['a', 'other', 'other']) await write(key);
    const replica = new Replica(log, noTiming, { keep: (key) => key < 'b', readOnly: true });
    await replica.open();
    const source = assembleKeyspace(log, replica, { writerId: 'host', timing: noTiming });
    const { session, next, create: watch } = world({ source });
    watch({ startRevision: 3 });
    expect(await next()).toMatchObject({ watchId: 0, created: true, revision: 4 });
    session.send({ type: 'progress' });
    expect(await next()).toMatchObject({ watchId: -1, revision: 4 });
    watch();
    expect(await next()).toMatchObject({ watchId: 1, created: true });
    await write('other');
    await source.sync();
    session.send({ type: 'progress' });
    expect(await next()).toMatchObject({ watchId: -1, revision: 5 });
    await write('a');
    await source.sync();
    expect([await next(), await next()]).toMatchObject([{ revision: 6 }, { revision: 6 }]);
    session.close();
    await Promise.all([source.close(), writer.close()]);
  });

  test('an aborted caller ends it', async () => {
    const gone = new AbortController();
    const { session, create: watch, next } = world({ signal: gone.signal });
    watch();
    await next();
    gone.abort();
    expect(await ended(session)).toEqual([]);
  });
});
