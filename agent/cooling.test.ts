import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Cooling, cooling } from './cooling.ts';

let now: number;
let steps: Cooling;
beforeEach(() => {
  now = 1_000_000;
  steps = cooling({ now: () => now, firstMs: 500, maxMs: 60_000 });
});

/** How long the step has to wait after it was done, ms. */
const waits = (step: object = { type: 'start' }) => {
  steps.done('a', step);
  return (steps.heldUntil('a', step) ?? now) - now;
};

describe('a step', () => {
  test('that is to be done again right away waits, twice as long each time, up to a limit', () => {
    const waited = [];
    for (let times = 0; times < 9; times++) {
      const ms = waits();
      waited.push(ms);
      now += ms;
      expect(steps.heldUntil('a', { type: 'start' })).toBeUndefined();
    }
    expect(waited).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  test('that is another one, or of another key, does not wait', () => {
    waits();
    expect(steps.heldUntil('a', { type: 'stop' })).toBeUndefined();
    expect(steps.heldUntil('b', { type: 'start' })).toBeUndefined();
    expect(waits({ type: 'stop' })).toBe(500);
  });

  test('that has to wait is known by its key alone, too', () => {
    waits();
    expect([steps.holds('a'), steps.holds('b')]).toEqual([true, false]);
    now += 500;
    expect(steps.holds('a')).toBe(false);
  });

  test('that was not done for long waits as if for the first time', () => {
    for (let times = 0; times < 5; times++) waits();
    now += 120_000;
    expect(waits()).toBe(500);
  });

  test('of a key that nobody asks for any more is forgotten in the end', () => {
    for (let key = 0; key < 5000; key++) {
      steps.done(String(key), {});
      now += 1;
    }
    now += 1000;
    steps.done('last', {});
    expect(steps.heldUntil('4999', {})).toBeUndefined();
    expect(steps.heldUntil('last', {})).toBe(now + 500);
  });

  test('waits no longer because the clock was set back', () => {
    waits();
    now -= 3_600_000;
    expect([steps.heldUntil('a', { type: 'start' }), steps.holds('a')]).toEqual([undefined, false]);
  });
});
