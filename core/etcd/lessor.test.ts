import { describe, expect, test } from '@jest/globals';
import { memoryKeyspace } from '../keyspace/memory.ts';
import { MemoryLog } from '../keyspace/memory-log.ts';
import { openKeyspace } from '../keyspace/open.ts';
import { VirtualTime } from '../keyspace/testing/virtual-time.ts';
import { memoryLeaseDeadlines } from './memory-lease-deadlines.ts';
import { putOf, rangeOf } from './testing/requests.ts';
import { type ServiceWorld, serviceWorld } from './testing/service.ts';

const grant = ({ service }: ServiceWorld, ttl: number, id = 7n) => service.call('LeaseGrant', { id, ttl: BigInt(ttl) }, {});
const keepAlive = async ({ service }: ServiceWorld, id = 7n) => (await service.call('LeaseKeepAlive', { id }, {})).ttl;
const ttlOf = async ({ service }: ServiceWorld, id = 7n) => (await service.call('LeaseTimeToLive', { id, keys: false }, {})).ttl;

describe('the time of leases', () => {
  test('a lease that nobody keeps alive ends with its keys, as one revision, at its time and not before', async () => {
    const world = serviceWorld();
    world.service.lessor.keepTime();
    await grant(world, 10);
    for (const key of ['a', 'b']) await world.service.call('Put', putOf(key, '', { lease: 7n }), {});
    await world.pass(9_900);
    expect([await ttlOf(world), world.keyspace.view().revision]).toEqual([0, 3]);
    await world.pass(200);
    expect([await ttlOf(world), world.keyspace.view().revision]).toEqual([-1, 4]);
    expect((await world.service.call('Range', rangeOf('a', { rangeEnd: 'z' }), {})).count).toBe(0);
    expect(await world.deadlines.list()).toEqual([]);
    expect(world.errors).toEqual([]);
  });

  test.each([true, false])(
    'a keep-alive is good for the whole TTL, however often it was written (sole keeper: %s)',
    async (soleKeeper) => {
      let writes = 0;
      const deadlines = memoryLeaseDeadlines();
      const counted = {
        ...deadlines,
        renew: (id: bigint, at: number) => {
          writes++;
          return deadlines.renew(id, at);
        },
      };
      const world = serviceWorld({ deadlines: counted, soleKeeper });
      world.service.lessor.keepTime();
      await grant(world, 9);
      for (let n = 0; n < 90; n++) {
        await world.pass(500);
        expect(await keepAlive(world)).toBe(9);
      }
      // 45 s of keep-alives: at most one write every third of the TTL.
      expect(writes).toBeLessThanOrEqual(16);
      await world.pass(8_900);
      expect(await ttlOf(world)).toBeGreaterThanOrEqual(0);
      await world.pass(20_000);
      expect([await ttlOf(world), await keepAlive(world)]).toEqual([-1, 0]);
    },
  );

  test('after a restart each lease has its whole TTL again, whatever the clock was set to meanwhile', async () => {
    for (const startAt of [0, 3_600_000_000]) {
      const keyspace = memoryKeyspace();
      const deadlines = memoryLeaseDeadlines();
      const before = serviceWorld({ keyspace, deadlines, startAt: 1_000_000_000 });
      await grant(before, 10);
      const after = serviceWorld({ keyspace, deadlines, startAt });
      after.service.lessor.keepTime();
      await after.pass(9_900);
      expect(await ttlOf(after)).toBeGreaterThanOrEqual(0);
      await after.pass(4_000);
      expect(await ttlOf(after)).toBe(-1);
    }
  });

  test('setting the clock forward or back ends no lease early and none late', async () => {
    for (const offset of [-3_600_000, 3_600_000]) {
      let shift = 0;
      const time = new VirtualTime();
      const timing = {
        now: () => time.now() + shift,
        elapsed: () => time.elapsed(),
        pause: (ms: number) => time.pause(ms),
        random: () => time.random(),
      };
      const world = serviceWorld({ timing, time });
      world.service.lessor.keepTime();
      await grant(world, 10);
      shift = offset;
      await world.pass(6_000);
      expect(await keepAlive(world)).toBe(10);
      await world.pass(9_900);
      expect(await ttlOf(world)).toBeGreaterThanOrEqual(0);
      await world.pass(4_000);
      expect(await ttlOf(world)).toBe(-1);
    }
  });

  test("of several processes that keep one keyspace's leases none ends one that another keeps alive", async () => {
    const keyspace = memoryKeyspace();
    const deadlines = memoryLeaseDeadlines();
    const a = serviceWorld({ keyspace, deadlines, soleKeeper: false });
    const b = serviceWorld({ keyspace, deadlines, soleKeeper: false, timing: a.time });
    a.service.lessor.keepTime();
    await grant(a, 10);
    for (let n = 0; n < 10; n++) {
      await a.pass(4_000);
      expect(await keepAlive(b)).toBe(10);
    }
    await a.pass(20_000);
    expect(await ttlOf(a)).toBe(-1);
  });

  test('a keep-alive that is written only after another process ended the lease is not told that it lives', async () => {
    const time = new VirtualTime();
    const log = new MemoryLog(() => time.now());
    const stored = memoryLeaseDeadlines();
    const keyspaceOf = (writerId: string) => openKeyspace(log, { writerId, timing: time });
    const b = serviceWorld({ keyspace: await keyspaceOf('b'), deadlines: stored, soleKeeper: false, time });
    // On its way for so long that the lease is revoked and its deadline forgotten meanwhile.
    const slow = {
      ...stored,
      async renew(id: bigint, at: number) {
        await b.service.call('LeaseRevoke', { id }, {});
        return stored.renew(id, at);
      },
    };
    const a = serviceWorld({ keyspace: await keyspaceOf('a'), deadlines: slow, soleKeeper: false, time });
    await grant(a, 10);
    time.jump(5_000);
    expect(await keepAlive(a)).toBe(0);
  });

  test('a lease granted anew under an old id has a time of its own, also for who knew the old one', async () => {
    const keyspace = memoryKeyspace();
    const deadlines = memoryLeaseDeadlines();
    const a = serviceWorld({ keyspace, deadlines, soleKeeper: false });
    const b = serviceWorld({ keyspace, deadlines, soleKeeper: false, timing: a.time });
    await grant(a, 600);
    expect(await keepAlive(a)).toBe(600);
    await b.service.call('LeaseRevoke', { id: 7n }, {});
    await grant(b, 10);
    await a.pass(8_000);
    expect(await keepAlive(a)).toBe(10);
    await a.pass(9_000);
    await b.service.lessor.expire();
    expect(await ttlOf(b)).toBeGreaterThanOrEqual(0);
  });

  test('a deadline that got lost is made good by a later one', async () => {
    const world = serviceWorld();
    await grant(world, 10);
    await world.deadlines.forget(7n);
    const other = serviceWorld({ keyspace: world.keyspace, deadlines: world.deadlines, soleKeeper: false });
    expect(await other.service.lessor.expire()).toBeGreaterThan(10_000);
    expect(await other.deadlines.get(7n)).toMatchObject({ at: 10_000 });
  });

  test('who died between giving a lease up and revoking it leaves it to the next', async () => {
    const world = serviceWorld({ soleKeeper: false });
    await grant(world, 10);
    await world.pass(16_000);
    await world.deadlines.giveUp(7n, (await world.deadlines.get(7n))!.at);
    expect(await keepAlive(world)).toBe(0);
    await world.service.lessor.expire();
    expect(await ttlOf(world)).toBe(-1);
  });

  test('a keep-alive that comes while leases are looked through counts, and one that comes too late is told so', async () => {
    const keyspace = memoryKeyspace();
    const stored = memoryLeaseDeadlines();
    // Stored by a clock far ahead; kept alive while the first look after the start is under way.
    await grant(serviceWorld({ keyspace, deadlines: stored, startAt: 9_000_000 }), 10);
    let kept: Promise<number> | undefined;
    const deadlines = {
      ...stored,
      async list() {
        const items = await stored.list();
        if (world.time.now() >= 9_000) await (kept ??= keepAlive(world));
        return items;
      },
    };
    const world = serviceWorld({ keyspace, deadlines });
    await world.pass(9_000);
    await world.service.lessor.expire();
    expect(await kept).toBe(10);
    await world.pass(9_900);
    expect(await ttlOf(world)).toBeGreaterThanOrEqual(0);
    await world.pass(10_000);
    expect(await ttlOf(world)).toBe(-1);
  });

  test('a deleted store is left alone', async () => {
    const world = serviceWorld();
    await grant(world, 10);
    world.service.lessor.stop();
    await world.pass(60_000);
    expect(world.keyspace.leases()).toHaveLength(1);
  });

  test('nothing is read or written where there are no leases', async () => {
    const world = serviceWorld();
    world.deadlines.list = () => Promise.reject(new Error('read'));
    world.service.lessor.keepTime();
    await world.pass(60_000);
    expect([await world.service.lessor.expire(), world.errors]).toEqual([undefined, []]);
  });
});
