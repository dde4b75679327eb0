import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WatchIndex } from './watch-index.ts';

const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 });
const interval = fc.oneof(
  key.map((from) => ({ from, to: `${from}\0` })),
  fc.tuple(key, key).map(([from, to]) => ({ from, to })),
);

test('finds exactly the watches whose range holds a key, whatever was added and taken away before', () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 300 }), fc.array(fc.nat(299)), fc.array(key), (intervals, removed, keys) => {
      const index = new WatchIndex<{ interval: (typeof intervals)[number] }>();
      const watches = intervals.map((each) => ({ interval: each }));
      for (const [n, watch] of watches.entries()) {
        index.add(watch);
        // Asked in between, so that trees are made at every stage.
        if (n % 50 === 0) expect([...index.of('b')].length).toBeGreaterThanOrEqual(0);
      }
      for (const n of removed) if (watches[n]) index.delete(watches[n]);
      const left = watches.filter((_, n) => !removed.includes(n));
      for (const each of keys) {
        const expected = left.filter(({ interval: { from, to } }) => from <= each && each < to);
        const found = [...index.of(each)];
        expect([found.length, new Set(found)]).toEqual([expected.length, new Set(expected)]);
      }
    }),
  );
});

test('an event is matched with few of very many watches', () => {
  let looks = 0;
  const index = new WatchIndex<{ readonly interval: { from: string; to: string } }>();
  const name = (n: number) => `key${String(n).padStart(6, '0')}`;
  for (let n = 0; n < 10_000; n++) {
    const interval = { from: name(n), to: name(n + 2) };
    index.add({
      get interval() {
        looks++;
        return interval;
      },
    });
  }
  index.of(name(1)).next();
  looks = 0;
  expect([...index.of(name(5_000))]).toHaveLength(2);
  expect(looks).toBeLessThan(200);
});
