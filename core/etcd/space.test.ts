import { expect, test } from '@jest/globals';
import { StoreFullError } from '../keyspace/errors.ts';
import { deleteOf, putOf, rangeOf, txnOf, putOp, deleteOp } from './testing/requests.ts';
import { serviceWorld } from './testing/service.ts';

test('beyond the quota nothing is written that takes space, reads and deletes go on, and making room and disarming helps', async () => {
  const { service } = serviceWorld({ quotaBytes: () => 10_000 });
  const noSpace = 'etcdserver: mvcc: database space exceeded';
  const put = (key: string) => service.call('Put', putOf(key, 'x'.repeat(2_000)), {});
  for (const key of ['a', 'b', 'c', 'd']) await put(key);
  await expect(put('e')).rejects.toThrow(noSpace);
  const { alarms } = await service.call('Alarm', { action: 'GET', memberId: 0n, alarm: 'NONE' }, {});
  expect(alarms).toMatchObject([{ alarm: 'NOSPACE' }]);
  expect((await service.call('Status', {}, {})).errors[0]).toContain('alarm:NOSPACE');

  // Small writes would fit, but the alarm counts.
  await expect(service.call('Put', putOf('s'), {})).rejects.toThrow(noSpace);
  await expect(service.call('Txn', txnOf([putOp('s')]), {})).rejects.toThrow(noSpace);
  await expect(service.call('LeaseGrant', { id: 1n, ttl: 60n }, {})).rejects.toThrow(noSpace);
  expect((await service.call('Range', rangeOf('a'), {})).count).toBe(1);
  await service.call('Txn', txnOf([deleteOp('a')]), {});
  const { revision } = await service.call('DeleteRange', deleteOf('a', 'd'), {});

  await service.call('Compact', { revision, physical: false }, {});
  await service.call('Alarm', { action: 'DEACTIVATE', ...alarms[0]! }, {});
  await put('e');
});

test('a write that took the last room is answered as it was when it is sent again, not refused', async () => {
  const { service } = serviceWorld({ quotaBytes: () => 5_000 });
  const put = (requestId: string) => service.call('Put', putOf('a', 'x'.repeat(2_500)), { requestId });
  expect(await put('host/1')).toEqual(await put('host/1'));
  await expect(put('host/2')).rejects.toThrow('database space exceeded');
});

test('a store that was declared corrupt answers nothing until the alarm is taken back', async () => {
  const { service } = serviceWorld();
  const alarm = { memberId: 1n, alarm: 'CORRUPT' } as const;
  await service.call('Alarm', { action: 'ACTIVATE', ...alarm }, {});
  await expect(service.call('Put', putOf('a'), {})).rejects.toThrow('etcdserver: corrupt cluster');
  await expect(service.call('Range', rangeOf('a'), {})).rejects.toThrow('etcdserver: corrupt cluster');
  await service.call('Alarm', { action: 'DEACTIVATE', ...alarm }, {});
  await service.call('Put', putOf('a'), {});
});

test('the quota is for all stores that share it, and a failure to know of the others hinders nobody', async () => {
  const told: number[] = [];
  let others = 0;
  const shared = {
    report: async (bytes: number) => void told.push(bytes),
    others: async () => others,
    quota: async () => undefined,
  };
  const { service, time } = serviceWorld({ quotaBytes: () => 5_000_000, shared });
  const put = (key: string) => service.call('Put', putOf(key, 'x'.repeat(1_400_000)), {});
  await put('a');
  await put('b');
  expect(told).toEqual([expect.any(Number)]);
  others = 2_000_000;
  time.jump(61_000);
  await expect(put('c')).rejects.toThrow('database space exceeded');

  const errors: unknown[] = [];
  const lost = { report: async () => {}, others: () => Promise.reject(new Error('unreachable')), quota: async () => undefined };
  const world = serviceWorld({ shared: lost, onError: (error) => void errors.push(error) });
  await world.service.call('Put', putOf('a'), {});
  expect(errors).toHaveLength(1);
});

test('what the plan allows counts instead of the default, and a change of it within a minute', async () => {
  let quota = 2_000_000;
  const shared = { report: async () => {}, others: async () => 0, quota: async () => quota };
  const { service, time } = serviceWorld({ shared });
  const put = (key: string) => service.call('Put', putOf(key, 'x'.repeat(1_400_000)), {});
  await put('a');
  await expect(put('b')).rejects.toThrow('database space exceeded');
  const { alarms } = await service.call('Alarm', { action: 'GET', memberId: 0n, alarm: 'NONE' }, {});
  await service.call('Alarm', { action: 'DEACTIVATE', ...alarms[0]! }, {});
  quota = 5_000_000;
  time.jump(61_000);
  await put('b');
});

test('also a small store is known of, from its second minute of writing on', async () => {
  const told: number[] = [];
  const shared = { report: async (bytes: number) => void told.push(bytes), others: async () => 0, quota: async () => undefined };
  const { service, keyspace, time } = serviceWorld({ shared });
  await service.call('Put', putOf('a', 'small'), {});
  await service.call('Put', putOf('b', 'small'), {});
  expect(told).toEqual([]);
  const { bytes } = keyspace;
  time.jump(61_000);
  await service.call('Put', putOf('c', 'small'), {});
  expect(told).toEqual([bytes]);
});

test('a full disk is said as etcd says it, and an error that passes is one to try again after', async () => {
  const { service, keyspace } = serviceWorld({ isPassing: (error) => (error as Error).message === 'passing' });
  const failing = (error: Error) => {
    keyspace.transact = () => Promise.reject(error);
    return service.call('Put', putOf('a'), {});
  };
  await expect(failing(new StoreFullError('full'))).rejects.toMatchObject({ code: 8, message: expect.stringContaining('space') });
  await expect(failing(new Error('passing'))).rejects.toMatchObject({ code: 14 });
  await expect(failing(new Error('other'))).rejects.toThrow('other');
});
