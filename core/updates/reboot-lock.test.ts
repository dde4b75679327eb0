import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Keyspace } from '../keyspace/types.ts';
import { newCluster } from '../resources/testing/fixtures.ts';
import { createResource, deleteResource, getResource, updateResource } from '../resources/write.ts';
import { check } from './check.ts';
import { semaphoreOf, swap } from './locksmith.ts';
import { acquire, findLock, release } from './reboot-lock.ts';

const HOUR = 3_600_000;
let cluster: Keyspace;
let now: number;
let uids = 0;
const context = () => ({ now, newUid: () => `uid-${uids++}` });

const group = (name: string, reboots: object = {}, more: object = {}) =>
  cluster.transact((txn) =>
    createResource(
      txn,
      'UpdateGroup',
      { metadata: { name }, spec: { application: 'flatcar', channel: 'stable', reboots, ...more } } as never,
      context(),
    ),
  );
const take = async (id: string, name = 'prod') => (await cluster.transact((txn) => acquire(txn, name, id, context()))).result;
const give = async (id: string, name = 'prod') => (await cluster.transact((txn) => release(txn, name, id, context()))).result;
const lock = async (name = 'prod') => findLock(await cluster.sync(), name)!;

beforeEach(async () => {
  cluster = await newCluster();
  now = Date.parse('2026-11-25T12:00:00Z');
});

describe('the reboot lock', () => {
  test('lets as many hosts hold a slot as the group allows, and the next one when one is given back', async () => {
    await group('prod', { max: 2 });
    expect([await take('a'), await take('b')]).toEqual([{ type: 'held' }, { type: 'held' }]);
    expect(await take('c')).toMatchObject({ type: 'refused', reason: 'NoFreeSlot' });
    await give('a');
    expect(await take('c')).toEqual({ type: 'held' });
  });

  test('names who holds it and since when', async () => {
    await group('prod');
    await take('a');
    expect(await take('b')).toMatchObject({ message: 'the only slot is held: a since 2026-11-25T12:00:00.000Z' });
  });

  test('gives nobody a slot while the group is paused, and who holds one keeps it', async () => {
    await group('prod', { max: 2 });
    await take('a');
    const pause = (paused: boolean) =>
      cluster.transact((txn) => {
        const known = getResource(txn, 'UpdateGroup', '', 'prod')!;
        updateResource(txn, { ...known, spec: { ...known.spec, paused } }, context());
      });
    await pause(true);
    expect(await take('b')).toMatchObject({ type: 'refused', reason: 'Paused', message: 'the group prod is paused' });
    expect(await take('a')).toEqual({ type: 'held' });
    await pause(false);
    expect(await take('b')).toEqual({ type: 'held' });
  });

  test('answers the same to who asks again, and changes nothing then', async () => {
    await group('prod');
    await take('a');
    const { revision } = await cluster.sync();
    expect(await take('a')).toEqual({ type: 'held' });
    expect([await give('b'), await give('b')]).toEqual([{ type: 'held' }, { type: 'held' }]);
    expect((await cluster.sync()).revision).toBe(revision);
  });

  test('never has more holders than slots, however many ask at once', async () => {
    await group('prod', { max: 3 });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => take(`host-${i}`)));
    expect(answers.filter(({ type }) => type === 'held')).toHaveLength(3);
    expect((await lock()).holders).toHaveLength(3);
  });

  test('is kept for windows', async () => {
    await group('prod', { windows: [{ days: ['Thu'], start: '23:00', duration: '1h30m' }] });
    expect(await take('a')).toMatchObject({ reason: 'OutsideWindow' });
    now = Date.parse('2026-11-27T00:15:00Z');
    expect(await take('a')).toEqual({ type: 'held' });
  });

  test('does not let an update time out whose host waits for its turn, but does once the host is not heard of', async () => {
    await cluster.transact((txn) => {
      const packages = { all: 'os-2' };
      const files = [{ name: 'os', size: 1, sha256: 'a'.repeat(64) }];
      const update = { application: 'flatcar', version: '2.0.0', arch: 'all', url: 'https://a.example/', files };
      createResource(txn, 'UpdatePackage', { metadata: { name: 'os-2' }, spec: update } as never, context());
      createResource(
        txn,
        'UpdateChannel',
        { metadata: { name: 'stable' }, spec: { application: 'flatcar', packages } } as never,
        context(),
      );
    });
    const policy = { maxUpdatesPerPeriod: 9, period: '1s', updateTimeout: '1h' };
    await group('prod', { windows: [{ days: ['Thu'], start: '23:00', duration: '1h' }] }, { policy });
    const asks = async (instance: string) => {
      const said = {
        application: 'flatcar',
        instance,
        version: '1.0.0',
        arch: 'amd64',
        labels: () => ({}),
        happenings: [],
        asks: true,
      };
      return (await cluster.transact((txn) => check(txn, { ...said, track: 'prod' }, context()))).result;
    };
    expect(await asks('a')).toMatchObject({ type: 'update' });
    for (const until = now + 30 * HOUR; now < until; now += HOUR / 10)
      expect(await take('a')).toMatchObject({ reason: 'OutsideWindow' });
    expect(await asks('b')).toMatchObject({ type: 'hold', reason: 'FirstUpdateUnderWay' });
    now = Date.parse('2026-11-26T23:30:00Z');
    expect(await take('a')).toEqual({ type: 'held' });
    await give('a');
    now += HOUR + 1;
    expect(await asks('b')).toMatchObject({ type: 'hold', reason: 'Halted' });
    expect(getResource(await cluster.sync(), 'UpdateGroup', '', 'prod')!.status?.halted?.reason).toBe('UpdateTimedOut');
  });

  test('stays with a host that does not come back, and halts the group until a person has looked', async () => {
    await group('prod', { max: 2 });
    await take('a');
    now += HOUR + 1;
    expect(await take('b')).toMatchObject({ reason: 'Halted' });
    expect((await lock()).holders.map(({ id }) => id)).toEqual(['a']);
    expect(getResource(await cluster.sync(), 'UpdateGroup', '', 'prod')!.status?.halted?.reason).toBe('HostDidNotReturn');
    await give('a');
    expect(await take('b')).toMatchObject({ reason: 'Halted' });
  });

  test('is found by a track, too', async () => {
    await group('prod', {}, { tracks: ['stable'] });
    expect(await take('a', 'Stable')).toEqual({ type: 'held' });
    expect(await take('b', 'other')).toEqual({ type: 'unknown-group' });
  });
});

describe("locksmith's semaphore", () => {
  const put = async (semaphore: object | string, index: number) => {
    const text = typeof semaphore === 'string' ? semaphore : JSON.stringify(semaphore);
    return (await cluster.transact((txn) => swap(txn, 'prod', text, index, context()))).result;
  };

  test('is read, taken and given back as its clients do', async () => {
    await group('prod');
    const before = await lock();
    expect(semaphoreOf(before)).toEqual({ semaphore: 1, max: 1, holders: [] });
    expect((await put({ semaphore: 0, max: 1, holders: ['a'] }, before.revision)).type).toBe('swapped');
    const taken = await lock();
    expect(semaphoreOf(taken)).toEqual({ semaphore: 0, max: 1, holders: ['a'] });
    expect((await put({ semaphore: 1, max: 1, holders: [] }, taken.revision)).type).toBe('swapped');
    expect(semaphoreOf(await lock())).toEqual({ semaphore: 1, max: 1, holders: [] });
  });

  test('names its holders in order, as its clients look for them', async () => {
    await group('prod', { max: 3 });
    for (const id of ['c', 'a', 'b']) await take(id);
    expect(semaphoreOf(await lock()).holders).toEqual(['a', 'b', 'c']);
  });

  test('shows a slot as free to the host that is drained on it, which asks until it has it; others are refused', async () => {
    await group('prod');
    await cluster.transact((txn) => {
      createResource(txn, 'Node', { metadata: { name: 'n1' }, spec: {} } as never, context());
      const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'web', controller: true }];
      const spec = { nodeName: 'n1', containers: [{ name: 'app', image: 'app:1' }] };
      createResource(
        txn,
        'Pod',
        { metadata: { name: 'web-1', namespace: 'default', ownerReferences }, spec } as never,
        context(),
      );
    });
    const wish = (id: string) => ({ semaphore: 0, max: 1, holders: [id] });
    expect(await put(wish('n1'), (await lock()).revision)).toMatchObject({ type: 'refused', reason: 'Draining' });
    expect(semaphoreOf(await lock())).toEqual({ semaphore: 1, max: 1, holders: [] });
    expect(await put(wish('other'), (await lock()).revision)).toMatchObject({ type: 'refused', reason: 'NoFreeSlot' });
    await cluster.transact((txn) => deleteResource(txn, 'Pod', 'default', 'web-1', { gracePeriodSeconds: 0 }, context()));
    expect((await put(wish('n1'), (await lock()).revision)).type).toBe('swapped');
    expect(semaphoreOf(await lock()).holders).toEqual(['n1']);
  });

  test('is not overwritten by who read an older one', async () => {
    await group('prod', { max: 2 });
    const { revision } = await lock();
    await put({ semaphore: 1, max: 2, holders: ['a'] }, revision);
    expect((await put({ semaphore: 1, max: 2, holders: ['b'] }, revision)).type).toBe('compare-failed');
  });

  test.each([
    ['nonsense', 'hello'],
    ['another number of slots', { semaphore: 4, max: 5, holders: ['a'] }],
    ['two holders at once', { semaphore: 0, max: 1, holders: ['a', 'b'] }],
    ['a holder without a name', { semaphore: 0, max: 1, holders: [''] }],
  ])('is not set to %s', async (_, value) => {
    await group('prod');
    expect((await put(value, (await lock()).revision)).type).toBe('invalid');
    expect((await lock()).holders).toHaveLength(0);
  });
});
