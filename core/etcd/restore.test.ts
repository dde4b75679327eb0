import { describe, expect, test } from '@jest/globals';
import { AFTER_ALL_KEYS } from '../keyspace/keys.ts';
import { deleteOf, putOf, text } from './testing/requests.ts';
import { type ServiceWorld, serviceWorld } from './testing/service.ts';

const put = ({ service }: ServiceWorld, key: string, value = '', more: object = {}) =>
  service.call('Put', putOf(key, value, more), {});
const contents = ({ keyspace }: ServiceWorld) => [...keyspace.view().range('', AFTER_ALL_KEYS)].map(text);

async function save({ service }: ServiceWorld): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const { blob } of service.snapshot({})) parts.push(blob);
  return Buffer.concat(parts);
}

async function* file(bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}

describe('snapshots', () => {
  test('bring back keys, leases, users and roles into another store, as one revision', async () => {
    const from = serviceWorld();
    await from.service.call('LeaseGrant', { id: 7n, ttl: 60n }, {});
    await put(from, 'a', '1', { lease: 7n });
    await put(from, 'b', '2');
    await put(from, 'gone', '');
    await from.service.call('DeleteRange', deleteOf('gone'), {});
    await from.service.call('UserAdd', { name: 'ann', password: 'x', noPassword: false }, {});
    const bytes = await save(from);
    expect(bytes.length % 512).toBe(32);

    const to = serviceWorld();
    await put(to, 'b', '2');
    await put(to, 'other', '');
    const { revision, keys } = await to.service.restore({ file: file(bytes) });
    expect([revision, keys, contents(to)]).toEqual([4, 2, ['a=1', 'b=2']]);
    // What was the same wasn't touched.
    expect(to.keyspace.view().get('b')?.modRevision).toBe(2);
    expect((await to.service.call('LeaseTimeToLive', { id: 7n, keys: true }, {})).keys).toEqual(['a']);
    expect((await to.service.call('UserList', {}, {})).users).toEqual(['ann']);
    expect(await to.deadlines.get(7n)).toBeDefined();
  });

  test('that are damaged, cut short, or of something else change nothing', async () => {
    const world = serviceWorld();
    await put(world, 'a', 'x'.repeat(2_000));
    const bytes = Buffer.from(await save(world));
    const flipped = Buffer.from(bytes);
    flipped[700]! ^= 1;
    for (const bad of [flipped, bytes.subarray(0, -512), bytes.subarray(0, 10), Buffer.from('\n'), Buffer.alloc(0)]) {
      await expect(world.service.restore({ file: file(bad) })).rejects.toThrow(/snapshot/);
    }
    expect(world.keyspace.view().revision).toBe(2);
  });

  test('any commit of the log can be gone back to, and the restore itself undone', async () => {
    const world = serviceWorld();
    for (const value of ['1', '2', '3']) await put(world, 'a', value);
    const { before } = await world.service.restore({ sequence: 2 });
    expect([before, contents(world)]).toEqual([3, ['a=2']]);
    await world.service.restore({ sequence: before });
    expect(contents(world)).toEqual(['a=3']);
    await expect(world.service.restore({ sequence: 99 })).rejects.toThrow('future revision');
    await world.service.restore({ sequence: 0 });
    expect(contents(world)).toEqual([]);
  });

  test('a snapshot and the log after it lead to any point between', async () => {
    const world = serviceWorld();
    await put(world, 'a', '1');
    const bytes = await save(world);
    for (const value of ['2', '3']) await put(world, 'a', value);
    await world.service.restore({ file: file(bytes), sequence: 2 });
    expect(contents(world)).toEqual(['a=2']);
  });

  test('hashes are the same for the same content, wherever it is', async () => {
    const [a, b] = [serviceWorld(), serviceWorld()];
    for (const world of [a, b]) for (const key of ['a', 'b']) await put(world, key, key);
    const hash = async ({ service }: ServiceWorld, revision = 0) => (await service.call('HashKV', { revision }, {})).hash;
    expect(await hash(a)).toBe(await hash(b));
    await put(b, 'c');
    expect(await hash(a)).not.toBe(await hash(b));
    expect(await hash(a, 3)).toBe(await hash(b, 3));
    await expect(hash(a, 9)).rejects.toThrow('future revision');
  });
});
