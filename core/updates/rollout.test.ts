import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Rollout } from './model.ts';
import { isItsTurn, openFraction, place } from './rollout.ts';

const HOUR = 3_600_000;
const host = (instance: string, labels: Record<string, string> = {}) => ({ instance, labels });
const hosts = Array.from({ length: 2000 }, (_, i) => host(i.toString(16).padStart(32, '0')));
const share = (rollout: Rollout, now: number) =>
  hosts.filter((one) => isItsTurn(rollout, one, '2.0.0', now)).length / hosts.length;

describe('a rollout', () => {
  test('of a percentage lets about that many through, and always the same ones', () => {
    expect(share({ type: 'percentage', percent: 0 }, 0)).toBe(0);
    expect(share({ type: 'percentage', percent: 100 }, 0)).toBe(1);
    expect(share({ type: 'percentage', percent: 10 }, 0)).toBeCloseTo(0.1, 1);
    const ten = hosts.filter((one) => isItsTurn({ type: 'percentage', percent: 10 }, one, '2.0.0', 0));
    expect(ten.every((one) => isItsTurn({ type: 'percentage', percent: 20 }, one, '2.0.0', 5))).toBe(true);
  });

  test('that is linear follows its line frame by frame', () => {
    const rollout: Rollout = { type: 'linear', start: HOUR, duration: 10 * HOUR, frame: HOUR };
    expect(share(rollout, 0)).toBe(0);
    for (let frame = 0; frame < 10; frame++) {
      const expected = (frame + 1) / 10;
      expect(openFraction(rollout, HOUR + frame * HOUR)).toBeCloseTo(expected, 10);
      expect(Math.abs(share(rollout, HOUR + frame * HOUR) - expected)).toBeLessThan(0.04);
    }
    expect(share(rollout, 11 * HOUR)).toBe(1);
  });

  test('never takes a turn back while time goes on', () => {
    const when = fc.nat(20 * HOUR);
    fc.assert(
      fc.property(
        when,
        when,
        fc.integer({ min: 1, max: 20 * HOUR }),
        fc.integer({ min: 1, max: 20 * HOUR }),
        (a, b, duration, frame) => {
          const rollout = { type: 'linear', start: 0, duration, frame } as const;
          expect(openFraction(rollout, Math.min(a, b))).toBeLessThanOrEqual(openFraction(rollout, Math.max(a, b)));
        },
      ),
    );
  });

  test('in waves goes by labels; who is in none comes with the last', () => {
    const rollout: Rollout = {
      type: 'waves',
      start: 0,
      waves: [
        { labels: { canary: 'yes' }, after: 0 },
        { labels: { zone: 'a' }, after: HOUR },
        { labels: { zone: 'b' }, after: 2 * HOUR },
      ],
    };
    const turn = (labels: Record<string, string>, now: number) => isItsTurn(rollout, host('x', labels), '2.0.0', now);
    expect([turn({ canary: 'yes' }, 0), turn({ zone: 'a' }, 0), turn({}, 0)]).toEqual([true, false, false]);
    expect([turn({ zone: 'a' }, HOUR), turn({ zone: 'b' }, HOUR)]).toEqual([true, false]);
    expect([turn({ zone: 'b' }, 3 * HOUR), turn({}, 3 * HOUR - 1), turn({}, 3 * HOUR)]).toEqual([true, false, true]);
  });

  test('puts hosts in another order for another version', () => {
    const before = hosts.map(({ instance }) => place(instance, '1.0.0'));
    const after = hosts.map(({ instance }) => place(instance, '2.0.0'));
    const both = before.filter((value, i) => value < 0.1 && after[i]! < 0.1).length;
    expect(both / hosts.length).toBeLessThan(0.03);
  });
});
