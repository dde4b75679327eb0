import { describe, expect, test } from '@jest/globals';
import { stopSecondsOf } from './stop-seconds.ts';
import { parseUnitFile } from './unit-file.ts';

describe('for how long a unit that has to leave may be stopping', () => {
  test.each<[lines: string, seconds: number]>([
    ['', 600],
    ['TimeoutStopSec=30', 600],
    ['TimeoutStopSec=infinity', 600],
    ['TimeoutStopSec=0', 600],
    ['TimeoutStopSec=1800', 1800],
    ['TimeoutStopSec=1h 30min', 5400],
    ['TimeoutStopSec=20min 500ms', 1201],
    ['TimeoutSec=1h', 3600],
    ['TimeoutSec=1h\nTimeoutStopSec=15min', 900],
    ['TimeoutStopSec=3w', 86_400],
    ['TimeoutStopSec=soon', 600],
    ['TimeoutStopSec=1 fortnight', 600],
  ])('%p: %d s', (lines, seconds) => {
    expect(stopSecondsOf(parseUnitFile(`[Service]\n${lines}\n`))).toBe(seconds);
  });
});
