import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cloneJson } from './clone.ts';
import { equalJson } from './equal.ts';

test('a copy equals its original and shares nothing with it', () => {
  fc.assert(
    fc.property(fc.object({ withNullPrototype: false }), (value) => {
      const before = JSON.stringify(value);
      const copy = cloneJson(value);
      expect(equalJson(copy, value)).toBe(true);
      (copy as Record<string, unknown>).added = 1;
      expect(JSON.stringify(value)).toBe(before);
    }),
  );
});

test.each([
  [{ a: 1 }, { a: 2 }, false],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  [[1, 2], [2, 1], false],
  [[], {}, false],
  [null, {}, false],
  ['1', 1, false],
])('%j and %j: %s', (a, b, equal) => {
  expect([equalJson(a, b), equalJson(b, a)]).toEqual([equal, equal]);
});
