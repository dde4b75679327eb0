import { describe, expect, test } from '@jest/globals';
import { deleteOf, rangeOf } from '../testing/requests.ts';
import { type ServiceWorld, serviceWorld } from '../testing/service.ts';

const value = (text: string) => new Uint8Array(Buffer.from(text));

async function worldWithLeases(...ids: bigint[]): Promise<ServiceWorld> {
  const world = serviceWorld();
  for (const id of ids) await world.service.call('LeaseGrant', { id, ttl: 60n }, {});
  return world;
}

const keysOf = async ({ service }: ServiceWorld, prefix: string) =>
  (await service.call('Range', rangeOf(prefix, { rangeEnd: `${prefix}~` }), {})).kvs.map(({ key }) => key);

describe('locks', () => {
  test('go from one to the next in the order in which they were asked for', async () => {
    const world = await worldWithLeases(1n, 2n, 3n);
    const { service } = world;
    const order: string[] = [];
    const lock = async (lease: bigint) => {
      const { key } = await service.call('Lock', { name: 'l', lease }, {});
      order.push(key);
    };
    await lock(1n);
    const waiting = [lock(2n), lock(3n)];
    await world.pass(10);
    expect(await keysOf(world, 'l/')).toEqual(['l/1', 'l/2', 'l/3']);
    await service.call('Unlock', { key: 'l/1' }, {});
    await waiting[0];
    expect(order).toEqual(['l/1', 'l/2']);
    await service.call('LeaseRevoke', { id: 2n }, {});
    await waiting[1];
    expect(order).toEqual(['l/1', 'l/2', 'l/3']);
  });

  test('whoever goes away while waiting leaves no key behind, and holds nobody up', async () => {
    const world = await worldWithLeases(1n, 2n, 3n);
    const { service } = world;
    await service.call('Lock', { name: 'l', lease: 1n }, {});
    const gone = new AbortController();
    const waiting = service.call('Lock', { name: 'l', lease: 2n }, { signal: gone.signal });
    const next = service.call('Lock', { name: 'l', lease: 3n }, {});
    await world.pass(10);
    gone.abort();
    await expect(waiting).rejects.toMatchObject({ code: 1, message: 'context canceled' });
    expect(await keysOf(world, 'l/')).toEqual(['l/1', 'l/3']);
    await service.call('Unlock', { key: 'l/1' }, {});
    expect((await next).key).toBe('l/3');
  });

  test('whose lease ended while it waited is not given to a key that is no more', async () => {
    const world = await worldWithLeases(1n, 2n);
    const { service } = world;
    await service.call('Lock', { name: 'l', lease: 1n }, {});
    const waiting = service.call('Lock', { name: 'l', lease: 2n }, {});
    waiting.catch(() => {});
    await world.pass(10);
    await service.call('LeaseRevoke', { id: 2n }, {});
    await service.call('Unlock', { key: 'l/1' }, {});
    await expect(waiting).rejects.toThrow('mutex: session is expired');
  });

  test('a lease left to the server is granted, and one of a negative id is written as etcd does', async () => {
    const world = await worldWithLeases(-1n);
    const { key } = await world.service.call('Lock', { name: 'a', lease: 0n }, {});
    expect(key).toMatch(/^a\/[0-9a-f]+$/);
    expect((await world.service.call('Lock', { name: 'b', lease: -1n }, {})).key).toBe('b/-1');
  });
});

describe('elections', () => {
  test('an observer is told of the leader, of what he proclaims, and of the next one', async () => {
    const world = await worldWithLeases(1n, 2n);
    const { service } = world;
    const end = new AbortController();
    const seen: string[] = [];
    const observing = (async () => {
      for await (const { kv } of service.observe('e', { signal: end.signal }))
        seen.push(`${kv!.key}=${Buffer.from(kv!.value).toString()}`);
    })();
    observing.catch(() => {});
    const { leader } = await service.call('Campaign', { name: 'e', lease: 1n, value: value('one') }, {});
    const second = service.call('Campaign', { name: 'e', lease: 2n, value: value('two') }, {});
    await world.pass(10);
    await service.call('Proclaim', { leader, value: value('more') }, {});
    await world.pass(10);
    await service.call('Resign', { leader }, {});
    expect((await second).leader).toMatchObject({ key: 'e/2', lease: 2n });
    await world.pass(10);
    expect(seen).toEqual(['e/1=one', 'e/1=more', 'e/2=two']);
    end.abort();
    await expect(observing).rejects.toThrow('context canceled');
    await expect(service.call('Proclaim', { leader, value: value('late') }, {})).rejects.toThrow('election: not leader');
  });

  test('nobody leads what nobody campaigned for', async () => {
    const { service } = serviceWorld();
    await expect(service.call('Leader', { name: 'e' }, {})).rejects.toThrow('election: no leader');
    await service.call('DeleteRange', deleteOf('e'), {});
  });
});
