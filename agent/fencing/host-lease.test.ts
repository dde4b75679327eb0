import { describe, expect, test } from '@jest/globals';
import { confirmed, holds, NO_LEASE, renewed } from './host-lease.ts';

const STOP_MS = 40_000;

/** Granted at 1 s, confirmed at 2 s. */
const held = () => confirmed(renewed(NO_LEASE, 1_000, 1_100, STOP_MS), 2_000, 2_100);

describe('a host lease', () => {
  test('ends so long after the last answered report was sent, not after it was answered', () => {
    const lease = renewed(held(), 20_000, 30_000, STOP_MS);
    expect([holds(lease, 59_999), holds(lease, 60_000)]).toEqual([true, false]);
  });

  test('that is new is good only once it is known what is assigned since then', () => {
    const lease = renewed(NO_LEASE, 1_000, 1_500, STOP_MS);
    expect(holds(lease, 2_000)).toBe(false);
    expect(holds(confirmed(lease, 1_400, 2_000), 2_000)).toBe(false);
    expect(holds(confirmed(lease, 1_500, 2_000), 2_000)).toBe(true);
  });

  test('that is renewed in time goes on as it was; one that had lapsed begins anew', () => {
    expect(holds(renewed(held(), 40_000, 40_500, STOP_MS), 70_000)).toBe(true);
    expect(holds(renewed(held(), 40_500, 41_000, STOP_MS), 42_000)).toBe(false);
  });

  test('is not there when the answer took longer than the lease lasts', () => {
    const late = renewed(NO_LEASE, 0, STOP_MS + 1, STOP_MS);
    expect(holds(confirmed(late, STOP_MS + 2, STOP_MS + 3), STOP_MS + 3)).toBe(false);
  });
});
