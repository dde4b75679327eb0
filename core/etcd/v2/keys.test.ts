import { beforeEach, describe, expect, test } from '@jest/globals';
import { memoryKeyspace } from '../../keyspace/memory.ts';
import type { OpenKeyspace } from '../../keyspace/open.ts';
import { noTiming } from '../../keyspace/timing.ts';
import { keyspaceService } from '../keyspace-service.ts';
import { memoryLeaseDeadlines } from '../memory-lease-deadlines.ts';
import type { EtcdService } from '../service.ts';
import { V2Error } from './errors.ts';
import type { V2Event } from './json.ts';
import { existing, find, tree } from './read.ts';
import { readRequest, type V2Request } from './request.ts';
import { isCleared, watchNodes } from './watch.ts';
import { write } from './write.ts';

const NOW = 1_800_000_000_000;
let keyspace: OpenKeyspace;
let service: EtcdService;

beforeEach(() => {
  keyspace = memoryKeyspace();
  service = keyspaceService({
    keyspace,
    deadlines: memoryLeaseDeadlines(),
    timing: noTiming,
    randomBytes: (count) => new Uint8Array(count),
    schedule: () => () => {},
    soleKeeper: true,
    member: { id: 1n, name: 'test', peerUrls: [], clientUrls: [] },
  });
});

const request = (method: V2Request['method'], path: string, form: Record<string, string> = {}): V2Request =>
  readRequest(method, path, new URLSearchParams(), new URLSearchParams(form));
const deps = () => ({ service, now: () => NOW, random: Math.random });
const send = async (method: V2Request['method'], path: string, form: Record<string, string> = {}): Promise<V2Event> =>
  (await write(deps(), request(method, path, form), {})).event;
const put = (path: string, form: Record<string, string> | string) =>
  send('PUT', path, typeof form === 'string' ? { value: form } : form);

async function get(path: string, recursive = false) {
  const found = await find(service, path, { serializable: false, content: 'all' }, {});
  return tree(existing(path, found), found.content, recursive, NOW);
}

/** Code and cause of what an operation is refused with. */
async function refusal(operation: Promise<unknown> | (() => unknown)): Promise<[number, string]> {
  try {
    await (typeof operation === 'function' ? operation() : operation);
  } catch (error) {
    if (error instanceof V2Error) return [error.code, error.cause];
    throw error;
  }
  throw new Error('it was not refused');
}

describe('nodes of the v2 API', () => {
  test('a value that is set makes the directories that it is in', async () => {
    await put('/a/b/c', '1');
    expect(await get('/a', true)).toMatchObject({
      key: '/a',
      dir: true,
      nodes: [{ key: '/a/b', dir: true, nodes: [{ key: '/a/b/c', value: '1' }] }],
    });
    expect(await get('/')).toMatchObject({ dir: true, nodes: [{ key: '/a', dir: true }] });
    expect(await get('/')).not.toHaveProperty('key');
  });

  test('set makes a new node of it, update and compare-and-swap leave it the one that it was', async () => {
    const first = await put('/k', '1');
    const second = await put('/k', '2');
    expect(second.prevNode).toEqual(first.node);
    expect(second.node!.createdIndex).toBe(second.node!.modifiedIndex);
    const third = await put('/k', { value: '3', prevExist: 'true' });
    const fourth = await put('/k', { value: '4', prevValue: '3', prevIndex: String(third.node!.modifiedIndex) });
    expect([third.action, fourth.action]).toEqual(['update', 'compareAndSwap']);
    expect([third.node!.createdIndex, fourth.node!.createdIndex]).toEqual([second.node!.createdIndex, second.node!.createdIndex]);
    expect(await get('/k')).toEqual(fourth.node);
  });

  test('in-order keys are in order, and children of the directory that was named', async () => {
    const keys = [];
    for (const value of ['a', 'b', 'c']) keys.push((await send('POST', '/queue', { value })).node!.key!);
    expect([...keys].sort()).toEqual(keys);
    expect(keys[0]).toMatch(/^\/queue\/\d{20}$/);
    expect((await get('/queue')).nodes!.map(({ value }) => value)).toEqual(['a', 'b', 'c']);
  });

  test('what can not be done is refused in etcd words', async () => {
    await put('/file', 'x');
    await put('/dir/in', 'x');
    for (const [operation, code, cause] of [
      [get('/nothing/here'), 100, '/nothing'],
      [get('/file/below'), 104, '/file'],
      [put('/file/below', 'x'), 104, '/file'],
      [put('/dir', 'x'), 102, '/dir'],
      [put('/dir', { dir: 'true' }), 102, '/dir'],
      [put('/file', { value: 'y', prevExist: 'false' }), 105, '/file'],
      [put('/new', { value: 'y', prevExist: 'true' }), 100, '/new'],
      [put('/file', { value: 'y', prevValue: 'z' }), 101, '[z != x]'],
      [send('DELETE', '/dir'), 102, '/dir'],
      [send('DELETE', '/dir', { dir: 'true' }), 108, '/dir'],
      [send('DELETE', '/file', { prevIndex: '1' }), 101, '[1 != 2]'],
      [put('/', 'x'), 107, '/'],
      [send('DELETE', '/'), 107, '/'],
    ] as const)
      expect(await refusal(operation)).toEqual([code, cause]);
    for (const [form, code] of [
      [{ ttl: 'soon' }, 202],
      [{ prevIndex: '-1' }, 203],
      [{ prevValue: '' }, 201],
      [{ prevExist: 'maybe' }, 209],
      [{ refresh: 'true', value: 'x', ttl: '1' }, 211],
      [{ refresh: 'true' }, 212],
    ] as const)
      expect((await refusal(() => request('PUT', '/k', form)))[0]).toBe(code);
  });

  test('with a directory goes all that is in it, and nothing beside it', async () => {
    for (const path of ['/d/a', '/d/b/c', '/d2', '/d-']) await put(path, 'x');
    expect(await send('DELETE', '/d', { recursive: 'true' })).toMatchObject({ action: 'delete', node: { key: '/d', dir: true } });
    expect((await get('/', true)).nodes!.map(({ key }) => key)).toEqual(['/d-', '/d2']);
  });

  test('names that begin with _ are not listed', async () => {
    await put('/_secret/a', '1');
    await put('/open', '1');
    expect((await get('/', true)).nodes!.map(({ key }) => key)).toEqual(['/open']);
    expect((await get('/_secret')).nodes).toHaveLength(1);
  });

  test('a time to live is a lease; what is in a directory that has one ends with it', async () => {
    await put('/d', { dir: 'true', ttl: '30' });
    await put('/d/x', '1');
    await put('/k', { value: '1', ttl: '60' });
    const shown = await get('/k');
    expect([shown.ttl, shown.expiration]).toEqual([60, new Date(NOW + 60_000).toISOString()]);
    const leases = keyspace.leases().map(({ keys }) => [...keys].sort());
    expect(leases).toEqual([['_etcd2/d/', '_etcd2/d/x'], ['_etcd2/k']]);
    await put('/d', { dir: 'true', prevExist: 'true' });
    expect(keyspace.leases()[0]!.keys.size).toBe(0);
    expect(await get('/d/x')).toMatchObject({ value: '1' });
    expect(await get('/d')).not.toHaveProperty('ttl');
  });

  test('two who write the same key at once both are answered, one after the other', async () => {
    const events = await Promise.all(Array.from({ length: 8 }, (_, n) => put('/race', String(n))));
    const chain = new Map(events.map(({ node, prevNode }) => [prevNode?.modifiedIndex, node!.modifiedIndex]));
    let [seen, at] = [0, chain.get(undefined)];
    for (; at !== undefined; at = chain.get(at)) seen++;
    expect(seen).toBe(8);
  });
});

describe('watching nodes', () => {
  async function first(path: string, recursive: boolean, since = 0, count = 1): Promise<V2Event[]> {
    const end = new AbortController();
    const events: V2Event[] = [];
    for await (const event of watchNodes(service, { path, recursive, since, index: 5 }, () => NOW, { signal: end.signal })) {
      events.push(event);
      if (events.length === count) break;
    }
    return events;
  }

  test('tells of the node, of what is in it if asked, and of a directory that took it along', async () => {
    const { node } = await put('/d/a', '1');
    const since = node!.modifiedIndex! + 1;
    await put('/other', '1');
    await put('/d/_hidden', '1');
    await put('/d/b', '2');
    await put('/d/a', '3');
    await send('DELETE', '/d', { recursive: 'true' });
    const of = (events: V2Event[]) => events.map(({ action, node: { key } = {} }) => [action, key]);
    expect(of(await first('/d', true, since, 3))).toEqual([
      ['set', '/d/b'],
      ['set', '/d/a'],
      ['delete', '/d'],
    ]);
    expect(of(await first('/d/a', false, since, 2))).toEqual([
      ['set', '/d/a'],
      ['delete', '/d'],
    ]);
    expect(of(await first('/d', false, since))).toEqual([['delete', '/d']]);
  });

  test('a lease that ends is an expiry, and a refresh is nothing', async () => {
    const { node } = await put('/k', { value: '1', ttl: '60' });
    const since = node!.modifiedIndex! + 1;
    await put('/k', { ttl: '90', refresh: 'true', prevExist: 'true' });
    const lease = keyspace.leases().find(({ keys }) => keys.size > 0)!;
    await keyspace.transact((txn) => txn.revoke(lease.id));
    const [event] = await first('/k', false, since);
    expect(event).toMatchObject({ action: 'expire', node: { key: '/k' }, prevNode: { key: '/k', value: '1' } });
  });

  test('what was compacted away can not be watched', async () => {
    for (const value of ['1', '2', '3']) await put('/k', value);
    await keyspace.transact((txn) => txn.compact(4));
    expect(await refusal(first('/k', false, 2))).toEqual([401, 'the requested history has been cleared [4/2]']);
    const cleared = (since: number) => isCleared(service, { since, index: 4 }, {});
    expect(await Promise.all([0, 1, 3, 4, 5, 6, 7, 100].map(cleared))).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
