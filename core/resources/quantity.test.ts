import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalQuantity, compareQuantity, milliValue, parseQuantity, wholeValue } from './quantity.ts';

describe('quantities', () => {
  test.each([
    ['0', '0'],
    ['1', '1'],
    [0.5, '500m'],
    ['1.5', '1500m'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['100000', '100k'],
    ['1Gi', '1Gi'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['1e3', '1e3'],
    ['12E', '12E'],
    ['-2.50', '-2500m'],
    ['0.0000000001', '1n'],
    ['+5u', '5u'],
  ])('%s is written %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
  });

  test.each(['', '.', 'm', '1 Gi', '1gi', '1.2.3', '1e', 'e3', '0x10', '--1', '1KiB', '1e99', '9'.repeat(65)])(
    '%j is refused',
    (text) => {
      expect(() => parseQuantity(text)).toThrow(RangeError);
    },
  );

  test.each([
    ['100m', '0.1', 0],
    ['1Gi', '1G', 1],
    ['999m', '1', -1],
    ['1024Ki', '1Mi', 0],
    ['9007199254740993', '9007199254740992', 1],
  ])('%s compared with %s is %i', (a, b, sign) => {
    expect(compareQuantity(a, b)).toBe(sign);
  });

  test('whole numbers are rounded up, so that what is needed is there', () => {
    expect([milliValue('1'), milliValue('0.1'), milliValue('1u'), wholeValue('1.5Ki'), wholeValue('100m')]).toEqual([
      1000, 100, 1, 1536, 1,
    ]);
  });

  test('the canonical text means the same and is its own canonical text', () => {
    const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e2', 'e-3');
    const number = fc
      .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 999 }))
      .map(([whole, part]) => `${whole}.${part}`);
    fc.assert(
      fc.property(number, suffix, (digits, unit) => {
        const canonical = canonicalQuantity(digits + unit);
        expect(parseQuantity(canonical).nano).toBe(parseQuantity(digits + unit).nano);
        expect(canonicalQuantity(canonical)).toBe(canonical);
      }),
    );
  });
});
