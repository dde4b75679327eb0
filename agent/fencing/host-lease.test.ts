import { describe, expect, test } from '@jest/globals';
import { confirmed, holds, NO_LEASE, renewed } from './host-lease.ts';

const TIMES = { stopSeconds: 40, graceSeconds: 10 };

/** Granted at 1 s, confirmed at 2 s. */
const held = () => confirmed(renewed(NO_LEASE, 1_000, 1_100, TIMES), 2_000, 2_100);

describe('a host lease', () => {
  test('ends so long after the last answered report was sent, not after it was answered', () => {
    const lease = renewed(held(), 20_000, 30_000, TIMES);
    expect([holds(lease, 59_999), holds(lease, 60_000)]).toEqual([true, false]);
  });

  test('that is new is good only once it is known what is assigned since then', () => {
    const lease = renewed(NO_LEASE, 1_000, 1_500, TIMES);
    expect(holds(lease, 2_000)).toBe(false);
    expect(holds(confirmed(lease, 1_400, 2_000), 2_000)).toBe(false);
    expect(holds(confirmed(lease, 1_500, 2_000), 2_000)).toBe(true);
  });

  test('that is renewed in time goes on as it was; one that had lapsed begins anew', () => {
    expect(holds(renewed(held(), 40_000, 40_500, TIMES), 70_000)).toBe(true);
    expect(holds(renewed(held(), 40_500, 41_000, TIMES), 42_000)).toBe(false);
  });

  test('is not there when the answer took longer than the lease lasts', () => {
    const late = renewed(NO_LEASE, 0, 40_001, TIMES);
    expect(holds(confirmed(late, 40_002, 40_003), 40_003)).toBe(false);
  });
});
