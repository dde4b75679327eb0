import { describe, expect, test } from '@jest/globals';
import { CompactedError, FutureRevisionError } from '../keyspace/errors.ts';
import { checkRange } from './range.ts';
import { etcdStore, rangeOf, text } from './testing/requests.ts';

/** Keys a..d, put in the order b a d c and b again: revisions 2..6. */
async function store() {
  const etcd = etcdStore();
  for (const [n, key] of ['b', 'a', 'd', 'c', 'b'].entries()) await etcd.put(key, String(9 - n));
  return etcd;
}

describe('range', () => {
  test.each([
    ['no end is the one key', 'b', '', ['b']],
    ['an end is not included', 'a', 'c', ['a', 'b']],
    ['an end at or before the key is empty', 'c', 'c', []],
    ['an end before the key is empty', 'c', 'a', []],
    ['a zero byte is no upper bound', 'c', '\0', ['c', 'd']],
    ['two zero bytes are everything', '\0', '\0', ['a', 'b', 'c', 'd']],
  ])('%s', async (_, key, rangeEnd, keys) => {
    const { kvs, count } = (await store()).range(key, { rangeEnd });
    expect([kvs.map((kv) => kv.key), count]).toEqual([keys, keys.length]);
  });

  test('the limit cuts after sorting, more says so, and count does not care', async () => {
    const etcd = await store();
    const newest = etcd.range('a', { rangeEnd: 'e', limit: 2, sortTarget: 'MOD', sortOrder: 'DESCEND' });
    expect([newest.kvs.map((kv) => kv.key), newest.more, newest.count]).toEqual([['b', 'c'], true, 4]);
    expect(etcd.range('a', { rangeEnd: 'e', limit: 4 })).toMatchObject({ more: false, count: 4 });
    expect(etcd.range('a', { rangeEnd: 'e', limit: -1 }).kvs).toHaveLength(4);
  });

  test.each([
    ['KEY', 'abcd'],
    ['VERSION', 'acdb'],
    ['CREATE', 'badc'],
    ['MOD', 'adcb'],
    ['VALUE', 'bcda'],
  ] as const)('sorts by %s', async (sortTarget, order) => {
    const etcd = await store();
    const keys = (sortOrder: 'ASCEND' | 'DESCEND' | 'NONE') =>
      etcd
        .range('a', { rangeEnd: 'e', sortTarget, sortOrder })
        .kvs.map((kv) => kv.key)
        .join('');
    expect([keys('ASCEND'), keys('NONE')]).toEqual([order, order]);
    // Those with the same version stay in the order of keys.
    expect(keys('DESCEND')).toBe(sortTarget === 'VERSION' ? 'bacd' : Array.from(order).reverse().join(''));
  });

  test('filters by revision before the limit, and counts all the same', async () => {
    const etcd = await store();
    const keys = (more: object) =>
      etcd
        .range('a', { rangeEnd: 'e', ...more })
        .kvs.map((kv) => kv.key)
        .join('');
    expect(keys({ minModRevision: 5 })).toBe('bc');
    expect(keys({ maxModRevision: 4 })).toBe('ad');
    expect(keys({ minCreateRevision: 4 })).toBe('cd');
    expect(keys({ maxCreateRevision: 2 })).toBe('b');
    expect(keys({ minModRevision: 4, limit: 1 })).toBe('b');
    expect(etcd.range('a', { rangeEnd: 'e', minModRevision: 99 })).toMatchObject({ kvs: [], count: 4, more: false });
  });

  test('keys without values, or only the count', async () => {
    const etcd = await store();
    expect(etcd.range('b', { keysOnly: true }).kvs[0]).toMatchObject({ key: 'b', version: 2, value: new Uint8Array(0) });
    expect(etcd.range('a', { rangeEnd: 'e', countOnly: true })).toMatchObject({ kvs: [], count: 4 });
  });

  test('reads the past, with the header of the present, as far as it was kept', async () => {
    const etcd = await store();
    const past = etcd.range('b', { revision: 3 });
    expect([past.kvs.map(text), past.revision]).toEqual([['b=9'], 6]);
    expect(() => etcd.range('b', { revision: 7 })).toThrow(FutureRevisionError);
    await etcd.keyspace.transact((txn) => txn.compact(4));
    expect(etcd.range('b', { revision: 4 }).kvs.map(text)).toEqual(['b=9']);
    expect(() => etcd.range('b', { revision: 3 })).toThrow(CompactedError);
    expect(etcd.range('b', { revision: -1 }).kvs.map(text)).toEqual(['b=5']);
  });

  test('refuses no key and an unknown order', () => {
    expect(() => checkRange(rangeOf(''))).toThrow('etcdserver: key is not provided');
    expect(() => checkRange(rangeOf('a', { sortTarget: undefined }))).toThrow('etcdserver: invalid sort option');
  });
});
