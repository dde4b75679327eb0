import { describe, expect, test } from '@jest/globals';
import { checkTxn } from './check-txn.ts';
import { readerOf } from './reader.ts';
import { compareOf, deleteOp, etcdStore, putOp, rangeOf, rangeOp, text, txnOf, txnOp } from './testing/requests.ts';
import { isReadOnly, isSerializable, readTransaction } from './txn.ts';
import type { Operation } from './requests.ts';

describe('a transaction', () => {
  test('runs one branch, and each operation sees what those before it wrote', async () => {
    const etcd = etcdStore();
    const absent = [compareOf('a', { target: 'VERSION', version: 0 })];
    const first = await etcd.txn(txnOf([rangeOp('a'), putOp('a', '1'), rangeOp('a'), deleteOp('b')], [], absent));
    expect(first).toMatchObject({ revision: 2, succeeded: true });
    expect(first.responses.map(({ response }) => response.revision)).toEqual([1, 2, 2, 2]);
    expect(first.responses[2]).toMatchObject({ response: { count: 1 } });
    const second = await etcd.txn(txnOf([putOp('a', '2')], [rangeOp('a')], absent));
    expect(second).toMatchObject({ revision: 2, succeeded: false, responses: [{ type: 'range' }] });
  });

  test('decides nested comparisons on the state before it, and is one revision', async () => {
    const etcd = etcdStore();
    const inner = txnOp(txnOf([putOp('b', 'was absent')], [putOp('b', 'was there')], [compareOf('a')]));
    expect(await etcd.txn(txnOf([putOp('a', '1'), inner]))).toMatchObject({
      revision: 2,
      responses: [{ type: 'put' }, { response: { revision: 0, succeeded: true, responses: [{ response: { revision: 2 } }] } }],
    });
    expect(etcd.range('b').kvs.map(text)).toEqual(['b=was absent']);
  });

  test.each<[string, Operation]>([
    ['a lease that does not exist', putOp('b', '', { lease: 9n })],
    ['a value to keep of a key that does not exist', putOp('b', '', { ignoreValue: true })],
    ['a key put by the transaction itself does not exist before it', putOp('b', '', { ignoreLease: true })],
    ['a future revision', rangeOp('a', { revision: 3 })],
    ['a compacted revision', rangeOp('a', { revision: 1 })],
  ])('writes nothing if one operation is wrong: %s', async (_, wrong) => {
    const etcd = etcdStore();
    await etcd.put('x');
    await etcd.keyspace.transact((txn) => txn.compact(2));
    await expect(etcd.txn(txnOf([putOp('a'), txnOp(txnOf([wrong]))]))).rejects.toThrow();
    expect(etcd.keyspace.view().revision).toBe(2);
    // The branch that doesn't run does no harm.
    expect(await etcd.txn(txnOf([putOp('a')], [wrong]))).toMatchObject({ revision: 3 });
  });

  test('reads the past from before it, whatever it wrote', async () => {
    const etcd = etcdStore();
    await etcd.put('a', '1');
    const { responses } = await etcd.txn(txnOf([putOp('a', '2'), rangeOp('a', { revision: 2 }), rangeOp('a')]));
    const values = responses.slice(1).map((each) => each.type === 'range' && each.response.kvs.map(text));
    expect(values).toEqual([['a=1'], ['a=2']]);
  });

  test('that only reads needs no commit', async () => {
    const etcd = etcdStore();
    await etcd.put('a', '1');
    const reading = txnOf([rangeOp('a'), txnOp(txnOf([rangeOp('b')]))]);
    expect([
      isReadOnly(reading),
      isReadOnly(txnOf([], [putOp('a')])),
      isReadOnly(txnOf([txnOp(txnOf([deleteOp('a')]))])),
    ]).toEqual([true, false, false]);
    expect(readTransaction(readerOf(etcd.keyspace, etcd.keyspace.view()), reading)).toEqual(await etcd.txn(reading));
    expect(isSerializable(txnOf([{ type: 'range', request: rangeOf('a', { serializable: true }) }]))).toBe(true);
    expect(isSerializable(reading)).toBe(false);
  });
});

describe('comparisons', () => {
  test('of a missing key: zeros, but never a value', async () => {
    const etcd = etcdStore();
    const holds = async (compare: object) => (await etcd.txn(txnOf([], [], [compareOf('gone', compare)]))).succeeded;
    for (const target of ['VERSION', 'CREATE', 'MOD', 'LEASE'] as const)
      expect([target, await holds({ target })]).toEqual([target, true]);
    for (const result of ['EQUAL', 'NOT_EQUAL', 'LESS', 'GREATER'] as const)
      expect([result, await holds({ target: 'VALUE', result })]).toEqual([result, false]);
  });

  test('of a range hold for every key in it', async () => {
    const etcd = etcdStore();
    for (const key of ['a', 'b', 'b']) await etcd.put(key, 'v');
    const holds = async (compare: object) =>
      (await etcd.txn(txnOf([], [], [compareOf('a', { rangeEnd: 'c', ...compare })]))).succeeded;
    expect(await holds({ target: 'VALUE', value: 'v' })).toBe(true);
    expect(await holds({ target: 'VERSION', version: 1 })).toBe(false);
    expect(await holds({ target: 'VERSION', version: 0, result: 'GREATER' })).toBe(true);
    expect(await holds({ target: 'MOD', modRevision: 4, result: 'LESS' })).toBe(false);
    expect(await holds({ target: 'CREATE', createRevision: 1, result: 'NOT_EQUAL' })).toBe(true);
  });
});

describe('what is wrong with a transaction whatever the state', () => {
  const duplicate = 'etcdserver: duplicate key given in txn request';
  test.each<[string, Operation[]]>([
    ['put twice', [putOp('x'), putOp('x')]],
    ['put and deleted', [putOp('x'), deleteOp('x')]],
    ['put inside of a range deleted', [deleteOp('a', 'z'), putOp('x')]],
    ['put inside of a range without end deleted', [deleteOp('a', '\0'), putOp('x')]],
    ['put by two nested ones', [txnOp(txnOf([putOp('x')])), txnOp(txnOf([], [putOp('x')]))]],
    ['put above and nested', [putOp('x'), txnOp(txnOf([putOp('x')]))]],
    ['put nested, deleted nested', [txnOp(txnOf([putOp('x')])), txnOp(txnOf([deleteOp('x')]))]],
  ])('a key %s', (_, operations) => {
    expect(() => checkTxn(txnOf(operations))).toThrow(duplicate);
    expect(() => checkTxn(txnOf([], operations))).toThrow(duplicate);
  });

  test.each<[string, Operation[]]>([
    ['deletes of one key', [deleteOp('x'), deleteOp('a', 'z')]],
    ['puts in the two branches of one', [txnOp(txnOf([putOp('x')], [putOp('x')]))]],
    ['a put beside the end of a range deleted', [deleteOp('a', 'x'), putOp('x')]],
    ['a put and an empty range deleted', [deleteOp('z', 'a'), putOp('x')]],
  ])('but not %s', (_, operations) => {
    expect(() => checkTxn(txnOf(operations))).not.toThrow();
  });

  test('more than 128 operations or comparisons, those above nested ones counted', () => {
    const many = (count: number) => Array.from({ length: count }, () => rangeOp('a'));
    const tooMany = 'etcdserver: too many operations in txn request';
    expect(() => checkTxn(txnOf(many(128)))).not.toThrow();
    expect(() => checkTxn(txnOf([], many(129)))).toThrow(tooMany);
    expect(() =>
      checkTxn(
        txnOf(
          [],
          [],
          Array.from({ length: 129 }, () => compareOf('a')),
        ),
      ),
    ).toThrow(tooMany);
    expect(() => checkTxn(txnOf([txnOp(txnOf(many(127)))]))).not.toThrow();
    expect(() => checkTxn(txnOf([txnOp(txnOf(many(128)))]))).toThrow(tooMany);
  });

  test('no key, and no operation, in either branch', () => {
    for (const wrong of [txnOf([], [], [compareOf('')]), txnOf([], [rangeOp('')]), txnOf([putOp('')]), txnOf([deleteOp('')])])
      expect(() => checkTxn(wrong)).toThrow('etcdserver: key is not provided');
    expect(() => checkTxn(txnOf([], [undefined]))).toThrow('etcdserver: key not found');
  });
});
