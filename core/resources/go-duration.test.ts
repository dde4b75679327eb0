import { expect, test } from '@jest/globals';
import { parseDuration } from './go-duration.ts';

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['30d', 2_592_000_000],
])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(['', '10', 'h', '1 h', '-1h', '1.5h', '1y', '99999999999999999999h'])('%j is no duration', (text) =>
  expect(parseDuration(text)).toBeUndefined(),
);
