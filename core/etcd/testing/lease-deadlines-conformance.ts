import { expect, test } from '@jest/globals';
import type { LeaseDeadlines } from '../../ports/lease-deadlines.ts';

/** What every keeper of deadlines promises. `make`: of a keyspace that nobody else uses. */
export function leaseDeadlinesConformance(make: () => Promise<LeaseDeadlines>): void {
  test('a lease lives from its start on, under any 64-bit id', async () => {
    const deadlines = await make();
    const ids = [1n, 2n ** 62n, -1n, -(2n ** 63n)];
    for (const id of ids) await deadlines.start(id, 1_000);
    expect(new Set((await deadlines.list()).map(({ id }) => id))).toEqual(new Set(ids));
    expect(await deadlines.get(-1n)).toEqual({ id: -1n, at: 1_000, revoking: false });
    expect(await deadlines.get(3n)).toBeUndefined();
  });

  test('deadlines move forward, never back, and what was lost is made anew', async () => {
    const deadlines = await make();
    await deadlines.start(1n, 1_000);
    expect(await deadlines.renew(1n, 3_000)).toBe(true);
    expect(await deadlines.renew(1n, 2_000)).toBe(true);
    expect(await deadlines.get(1n)).toMatchObject({ at: 3_000 });
    expect(await deadlines.renew(2n, 2_000)).toBe(true);
    expect(await deadlines.get(2n)).toMatchObject({ at: 2_000 });
  });

  test('of a keep-alive and giving up one wins', async () => {
    const deadlines = await make();
    await deadlines.start(1n, 1_000);
    await deadlines.renew(1n, 2_000);
    expect(await deadlines.giveUp(1n, 1_000)).toBe(false);
    expect(await deadlines.giveUp(1n, 2_000)).toBe(true);
    expect(await deadlines.giveUp(1n, 2_000)).toBe(true);
    expect(await deadlines.renew(1n, 9_000)).toBe(false);
    expect(await deadlines.get(1n)).toEqual({ id: 1n, at: 2_000, revoking: true });
    expect(await deadlines.giveUp(2n, 1_000)).toBe(false);
    const race = await Promise.all([
      deadlines.start(3n, 1_000).then(() => deadlines.renew(3n, 2_000)),
      deadlines.giveUp(3n, 1_000),
    ]);
    expect(race.filter(Boolean).length).toBeGreaterThan(0);
  });

  test('an id that is granted again lives anew, one that is forgotten is gone', async () => {
    const deadlines = await make();
    await deadlines.start(1n, 1_000);
    await deadlines.giveUp(1n, 1_000);
    await deadlines.start(1n, 5_000);
    expect(await deadlines.get(1n)).toEqual({ id: 1n, at: 5_000, revoking: false });
    await deadlines.forget(1n);
    await deadlines.forget(1n);
    expect(await deadlines.list()).toEqual([]);
  });
}
