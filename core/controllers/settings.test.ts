import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fencedEndSeconds } from '../node/fencing.ts';
import { DEFAULT_SETTINGS, settingsOf, settingsProblems } from './settings.ts';

const read = (data: Record<string, string>) => settingsOf({ get: () => ({ data }) as never });

describe("a cluster's settings", () => {
  test('are a lease of 20 s, given up after 40 s and replaced after 60 s, unless told otherwise', () => {
    expect(DEFAULT_SETTINGS).toEqual({
      reportSeconds: 300,
      pollSeconds: 300,
      notReadySeconds: 60,
      evictionSeconds: 60,
      renewSeconds: 20,
      fencedStopSeconds: 40,
      fencedGraceSeconds: 10,
    });
  });

  test('fit a lease to the host timeout when only that is set', () => {
    expect(read({ notReadySeconds: '30' })).toMatchObject({ renewSeconds: 10, fencedStopSeconds: 20, fencedGraceSeconds: 5 });
    expect(read({ notReadySeconds: '15' })).toMatchObject({ renewSeconds: 4, fencedStopSeconds: 9, fencedGraceSeconds: 1 });
    expect(read({ notReadySeconds: '8' })).toMatchObject({ renewSeconds: 1, fencedStopSeconds: 2, fencedGraceSeconds: 1 });
  });

  test.each([
    [
      { notReadySeconds: '7' },
      /data\.notReadySeconds.*at least 6 more than fencedStopSeconds \(2\).*two hosts.*raise notReadySeconds or lower/,
    ],
    [
      { notReadySeconds: '13', fencedStopSeconds: '8', renewSeconds: '3' },
      /data\.notReadySeconds.*at least 6 more than fencedStopSeconds \(8\)/,
    ],
    [{ fencedStopSeconds: '55' }, /data\.notReadySeconds.*at least 12 more than fencedStopSeconds \(55\)/],
    [{ renewSeconds: '30' }, /data\.fencedStopSeconds.*at least twice renewSeconds \(30\)/],
    [{ reportSeconds: 'often' }, /data\.reportSeconds.*whole seconds, from 1 to 86400/],
    [{ renewSeconds: '0' }, /data\.renewSeconds/],
  ])('%j are refused, and if they stand there already the defaults count', (data, message) => {
    const problems = settingsProblems(data);
    expect(problems.map((problem) => `${problem.field} ${problem.message}`).join()).toMatch(message);
    expect(read(data)).toEqual(DEFAULT_SETTINGS);
  });

  test('leave time between stop and replacement, whatever is written', () => {
    const seconds = fc.option(fc.nat(200).map(String), { nil: undefined });
    fc.assert(
      fc.property(seconds, seconds, seconds, (notReadySeconds, renewSeconds, fencedStopSeconds) => {
        const given = Object.entries({ notReadySeconds, renewSeconds, fencedStopSeconds }).filter(
          ([, text]) => text !== undefined,
        );
        const {
          notReadySeconds: replaced,
          fencedStopSeconds: stop,
          fencedGraceSeconds: grace,
          renewSeconds: renew,
        } = read(Object.fromEntries(given) as Record<string, string>);
        expect(renew * 2).toBeLessThanOrEqual(stop);
        expect(replaced - stop).toBeGreaterThanOrEqual(Math.max(6, replaced / 5));
        expect(grace).toBeGreaterThanOrEqual(1);
        // Whatever is late on the host, and whichever of the control plane's machines looks.
        expect(replaced - stop - grace).toBeGreaterThanOrEqual(Math.max(5, grace));
        expect(fencedEndSeconds({ fencedStopSeconds: stop, fencedGraceSeconds: grace })).toBeLessThanOrEqual(replaced);
      }),
    );
  });
});
