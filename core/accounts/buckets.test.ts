import { expect, test } from '@jest/globals';
import { Buckets } from './buckets.ts';

const SIZE = { burst: 3, refillMs: 1000 };

test('a bucket gives its burst at once, and then one in each interval', () => {
  const buckets = new Buckets(SIZE);
  for (let i = 0; i < 3; i++) {
    expect(buckets.wait('a', 0)).toBe(0);
    buckets.take('a', 0);
  }
  expect(buckets.wait('a', 0)).toBe(1000);
  expect(buckets.wait('a', 400)).toBe(600);
  expect(buckets.wait('a', 1000)).toBe(0);
  buckets.take('a', 1000);
  expect(buckets.wait('a', 1000)).toBe(1000);
  expect(buckets.wait('b', 1000)).toBe(0);
});

test('looking takes nothing', () => {
  const buckets = new Buckets(SIZE);
  for (let i = 0; i < 10; i++) expect(buckets.wait('a', i)).toBe(0);
});

test('who goes on when it is empty waits no longer than one interval for it, nor does anyone after the clock was set back', () => {
  const buckets = new Buckets(SIZE);
  for (let i = 0; i < 100; i++) buckets.take('a', 5_000_000);
  expect(buckets.wait('a', 5_000_000)).toBe(1000);
  expect(buckets.wait('a', 0)).toBe(1000);
  buckets.take('a', 0);
  expect(buckets.wait('a', 1000)).toBe(0);
});

test('more buckets than it remembers push out the ones that were taken from longest ago', () => {
  const buckets = new Buckets({ burst: 1, refillMs: 1000 }, 2);
  for (const of of ['a', 'b', 'a', 'c']) buckets.take(of, 0);
  expect(['a', 'b', 'c'].map((of) => buckets.wait(of, 0))).toEqual([1000, 0, 1000]);
});
