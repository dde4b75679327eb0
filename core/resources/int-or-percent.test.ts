import { describe, expect, test } from '@jest/globals';
import { checkIntOrPercent, resolveIntOrPercent, rollingUpdateBounds } from './int-or-percent.ts';

describe('a number or a percentage', () => {
  test('rounds as it is told, without errors of floating point', () => {
    expect(resolveIntOrPercent('25%', 10, 'up')).toBe(3);
    expect(resolveIntOrPercent('25%', 10, 'down')).toBe(2);
    expect(resolveIntOrPercent('7%', 100, 'up')).toBe(7);
    expect(resolveIntOrPercent(4, 100, 'down')).toBe(4);
  });

  test.each(['25', '-1%', '%', '1.5%', '', -1, 1.5])('%j is refused', (value) => {
    expect(checkIntOrPercent(value)).toBeDefined();
    expect(() => resolveIntOrPercent(value, 10, 'up')).toThrow(RangeError);
  });
});

describe('the bounds of a rolling update', () => {
  test('are 25% by default: surge rounded up, unavailable down', () => {
    expect(rollingUpdateBounds(undefined, 10)).toEqual({ maxSurge: 3, maxUnavailable: 2 });
  });

  test('are never both 0, or the update could not move', () => {
    expect(rollingUpdateBounds({ maxSurge: 0, maxUnavailable: '1%' }, 5)).toEqual({ maxSurge: 0, maxUnavailable: 1 });
  });
});
