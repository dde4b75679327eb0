import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareVersions, isNewer } from './version.ts';

describe('compareVersions', () => {
  test.each([
    ['1.0.0-alpha', '1.0.0-alpha.1'],
    ['1.0.0-alpha.1', '1.0.0-alpha.beta'],
    ['1.0.0-alpha.beta', '1.0.0-beta'],
    ['1.0.0-beta.2', '1.0.0-beta.11'],
    ['1.0.0-rc.1', '1.0.0'],
    ['1.9.0', '1.10.0'],
    ['38.20230806.3.0', '38.20230902.1.0'],
    ['20261101T000000Z', '20261102T000000Z'],
    ['999.9.9', 'v1000.0.0'],
    ['ForcedUpdate', '0.0.0.0'],
    ['9007199254740993.0.0', '9007199254740994.0.0'],
  ])('%s is older than %s', (older, newer) => {
    expect(compareVersions(older, newer)).toBe(-1);
    expect(compareVersions(newer, older)).toBe(1);
    expect(isNewer(newer, older)).toBe(true);
  });

  test.each([
    ['1010.5.0', '1010.5.0+2016-05-27-1832'],
    ['1.0', '1.0.0'],
    ['ForcedUpdate', 'ForcedUpdate'],
  ])('neither of %s and %s is newer', (a, b) => {
    expect(compareVersions(a, b)).toBe(0);
    expect(isNewer(a, b)).toBe(false);
  });

  test('is a total order, whatever the text', () => {
    const version = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.stringMatching(/^[0-9]{1,3}(\.[0-9a-z]{1,3}){0,3}(-[0-9a-z.]{1,6})?$/),
    );
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
