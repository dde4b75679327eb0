import { describe, expect, test } from '@jest/globals';
import { deleteRange } from './delete-range.ts';
import { deleteOf, etcdStore, text } from './testing/requests.ts';

describe('put', () => {
  test('answers with the new revision and, if asked, what was there', async () => {
    const etcd = etcdStore();
    expect(await etcd.put('a', '1', { prevKv: true })).toEqual({ revision: 2, prevKv: undefined });
    const again = await etcd.put('a', '2', { prevKv: true });
    expect([again.revision, text(again.prevKv!)]).toEqual([3, 'a=1']);
  });

  test('keeps the value or the lease if told so, of a key that exists', async () => {
    const etcd = etcdStore();
    await etcd.keyspace.transact((txn) => txn.grant(7n, 60));
    await expect(etcd.put('a', '', { ignoreValue: true })).rejects.toThrow('etcdserver: key not found');
    await expect(etcd.put('a', 'x', { ignoreLease: true })).rejects.toThrow('etcdserver: key not found');
    await etcd.put('a', '1', { lease: 7n });
    await etcd.put('a', '2', { ignoreLease: true });
    expect(etcd.range('a').kvs[0]).toMatchObject({ lease: 7n, version: 2 });
    await etcd.put('a', '', { ignoreValue: true });
    expect(etcd.range('a').kvs.map(text)).toEqual(['a=2']);
    expect(etcd.range('a').kvs[0]!.lease).toBe(0n);
    expect([...etcd.keyspace.lease(7n)!.keys]).toEqual([]);
  });

  test('refuses contradictions, no key and a lease that does not exist', async () => {
    const etcd = etcdStore();
    await expect(etcd.put('')).rejects.toThrow('etcdserver: key is not provided');
    await expect(etcd.put('a', 'x', { ignoreValue: true })).rejects.toThrow('etcdserver: value is provided');
    await expect(etcd.put('a', 'x', { ignoreLease: true, lease: 1n })).rejects.toThrow('etcdserver: lease is provided');
    await expect(etcd.put('a', 'x', { lease: 1n })).rejects.toThrow('etcdserver: requested lease not found');
    expect(etcd.keyspace.view().revision).toBe(1);
  });
});

describe('delete range', () => {
  test('deletes any number of keys in one revision, and none in none', async () => {
    const etcd = etcdStore();
    for (const key of ['a', 'b', 'c']) await etcd.put(key, key);
    const remove = (key: string, end?: string) => etcd.keyspace.transact((txn) => deleteRange(txn, deleteOf(key, end, true)));
    expect(await remove('x')).toMatchObject({ revision: 4, result: { revision: 4, deleted: 0, prevKvs: [] } });
    const { revision, result } = await remove('a', 'c');
    expect([revision, result.revision, result.deleted, result.prevKvs.map(text)]).toEqual([5, 5, 2, ['a=a', 'b=b']]);
    await expect(remove('')).rejects.toThrow('etcdserver: key is not provided');
  });
});
