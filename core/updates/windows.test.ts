import { describe, expect, test } from '@jest/globals';
import type { Window } from './model.ts';
import { windowIsOpen } from './windows.ts';

const at = (text: string) => Date.parse(text);
const officeHours: Window = { days: [1, 2, 3, 4, 5], start: 9 * 60, length: 8 * 60, timeZone: 'Europe/Berlin' };
const thursdayNight: Window = { days: [4], start: 23 * 60, length: 90, timeZone: 'UTC' };

describe('windowIsOpen', () => {
  test.each([
    ['2026-11-25T07:59:00Z', false, 'a minute before nine in Berlin'],
    ['2026-11-25T08:00:00Z', true, 'at nine in Berlin'],
    ['2026-11-25T15:59:59Z', true, 'the last second'],
    ['2026-11-25T16:00:00Z', false, 'at five'],
    ['2026-11-28T10:00:00Z', false, 'on Saturday'],
    ['2026-07-01T07:00:00Z', true, 'at nine in summer, too'],
  ])('office hours at %s: %s (%s)', (time, open) => expect(windowIsOpen([officeHours], at(time))).toBe(open));

  test('a window that passes midnight belongs to the day that it begins on', () => {
    expect(windowIsOpen([thursdayNight], at('2026-11-27T00:29:00Z'))).toBe(true);
    expect(windowIsOpen([thursdayNight], at('2026-11-27T00:30:00Z'))).toBe(false);
    expect(windowIsOpen([thursdayNight], at('2026-11-26T00:10:00Z'))).toBe(false);
  });

  test('a window may last for days', () => {
    const weekend: Window = { days: [6], start: 0, length: 48 * 60, timeZone: 'UTC' };
    expect(windowIsOpen([weekend], at('2026-11-29T23:59:00Z'))).toBe(true);
    expect(windowIsOpen([weekend], at('2026-11-30T00:00:00Z'))).toBe(false);
  });

  test('no windows: always', () => expect(windowIsOpen([], 0)).toBe(true));
});
