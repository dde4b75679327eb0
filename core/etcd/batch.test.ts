import { describe, expect, test } from '@jest/globals';
import { callBatch, type BatchCall } from './batch.ts';
import { deleteOf, putOf, putOp, rangeOp, txnOf } from './testing/requests.ts';
import { serviceWorld } from './testing/service.ts';

const put = (key: string, value: string, requestId?: string): BatchCall => ({
  method: 'Put',
  request: putOf(key, value, { prevKv: true }),
  caller: { requestId },
});
const ignore = () => {};

describe('a batch of calls', () => {
  test('is one commit, in its order, with a result for each', async () => {
    const { service, keyspace } = serviceWorld();
    const before = keyspace.statistics.commits;
    const results = await callBatch(
      service,
      [put('a', '1'), { method: 'Put', request: putOf(''), caller: {} }, put('a', '2'), put('b', '1')],
      ignore,
    );
    expect(results.map((result) => (result.ok ? result.response.revision : result.error.message))).toEqual([
      2,
      'etcdserver: key is not provided',
      3,
      4,
    ]);
    expect(keyspace.statistics.commits - before).toBe(1);
  });

  test('sent again is answered as it was the first time, and done once', async () => {
    const { service, keyspace } = serviceWorld();
    await callBatch(service, [put('a', '0'), put('ab', '0')], ignore);
    const calls: BatchCall[] = [
      put('a', '1', 'r1'),
      { method: 'DeleteRange', request: deleteOf('a', 'b', true), caller: { requestId: 'r2' } },
      { method: 'LeaseGrant', request: { id: 0n, ttl: 60n }, caller: { requestId: 'r3' } },
      {
        method: 'Txn',
        request: txnOf([putOp('c', '1', { lease: 0n }), rangeOp('a', { rangeEnd: 'z' })]),
        caller: { requestId: 'r4' },
      },
    ];
    const first = await callBatch(service, calls, ignore);
    const { revision } = keyspace.view();
    await service.call('Put', putOf('later'), {});
    expect(await callBatch(service, calls, ignore)).toEqual(first);
    expect(keyspace.view().revision).toBe(revision + 1);
    expect(keyspace.leases()).toHaveLength(1);
  });

  test('whose past was compacted away is answered with a time-out, not with another answer', async () => {
    const { service, keyspace } = serviceWorld();
    await callBatch(service, [put('a', '1', 'r1'), put('a', '2'), put('a', '3')], ignore);
    await keyspace.transact((txn) => txn.compact(4));
    const [again] = await callBatch(service, [put('a', '1', 'r1')], ignore);
    expect(again).toMatchObject({ ok: false, error: { message: 'etcdserver: request timed out' } });
  });

  test("what is nobody's fault is told, and not to the client", async () => {
    const told: unknown[] = [];
    const { service, keyspace } = serviceWorld();
    keyspace.transact = () => Promise.reject(new Error('secret'));
    const [result] = await callBatch(service, [put('a', '1')], (error) => void told.push(error));
    expect(result).toMatchObject({ ok: false, error: { code: 13, message: 'internal error' } });
    expect(told).toHaveLength(1);
  });

  test('a compaction or a grant that is sent again after the compaction is answered as it was', async () => {
    const { service } = serviceWorld();
    const grant = () => service.call('LeaseGrant', { id: 0n, ttl: 60n }, { requestId: 'host/1' });
    const granted = await grant();
    for (const value of ['1', '2', '3']) await service.call('Put', putOf('a', value), {});
    const compact = () => service.call('Compact', { revision: 4, physical: false }, { requestId: 'host/2' });
    expect(await compact()).toEqual(await compact());
    expect(await grant()).toMatchObject({ id: granted.id, ttl: granted.ttl });
  });
});
