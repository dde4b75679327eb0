import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SortedMap } from './sorted-map.ts';

/** Small keys, so that they meet often; enough of them that the tree has several levels. */
const key = fc.integer({ min: 0, max: 3000 }).map((n) => `k${n}`);

type Step = { do: 'set'; key: string; value: number } | { do: 'delete'; key: string } | { do: 'copy' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), key, value: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('copy' as const) }) },
);

const sorted = (model: ReadonlyMap<string, number>) => [...model].sort(([a], [b]) => (a < b ? -1 : 1));

describe('a sorted map', () => {
  test('answers like a plain map, and a copy keeps what it held, whatever happens to the other', () => {
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 1500, size: 'max' }),
        fc.array(step, { maxLength: 400, size: 'max' }),
        key,
        key,
        (before, steps, from, to) => {
          const map = new SortedMap<number>();
          const model = new Map<string, number>();
          const copies: [SortedMap<number>, Map<string, number>][] = [];
          for (const [index, each] of before.entries()) {
            map.set(each, index);
            model.set(each, index);
          }
          for (const each of steps) {
            if (each.do === 'copy') copies.push([map.copy(), new Map(model)]);
            else if (each.do === 'set') {
              expect(map.set(each.key, each.value)).toBe(model.get(each.key));
              model.set(each.key, each.value);
            } else {
              expect(map.delete(each.key)).toBe(model.get(each.key));
              model.delete(each.key);
            }
          }
          for (const [tree, plain] of [...copies, [map, model] as const]) {
            expect(tree.size).toBe(plain.size);
            expect([...tree.range('', '~')]).toEqual(sorted(plain).map(([, value]) => value));
            const within = sorted(plain).filter(([each]) => each >= from && each < to);
            expect([...tree.range(from, to)]).toEqual(within.map(([, value]) => value));
            expect(tree.count(from, to)).toBe(within.length);
            expect(tree.get(from)).toBe(plain.get(from));
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  test('a range that is being read does not see changes', () => {
    const map = new SortedMap<number>();
    for (let n = 0; n < 200; n++) map.set(String(n).padStart(3, '0'), n);
    const seen: number[] = [];
    for (const value of map.range('', '~')) {
      map.delete(String(value + 1).padStart(3, '0'));
      map.set('zzz', -1);
      seen.push(value);
    }
    expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  test('emptied, it is empty, and can be filled again', () => {
    const map = new SortedMap<number>();
    const keys = Array.from({ length: 20_000 }, (_, n) => String((n * 7919) % 20_000));
    for (const each of keys) map.set(each, 1);
    for (const each of keys) map.delete(each);
    expect([map.size, [...map.range('', '~')].length]).toEqual([0, 0]);
    for (const each of keys) map.set(each, 2);
    expect([map.size, map.count('', '~')]).toEqual([20_000, 20_000]);
  });
});
