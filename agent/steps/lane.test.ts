import { expect, test } from '@jest/globals';
import { lane } from './lane.ts';

test('no more than so many go on at once, the others in order, and a failure frees its place', async () => {
  const inLane = lane(2);
  let now = 0;
  let most = 0;
  const ended: number[] = [];
  const work = (i: number) =>
    inLane(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      ended.push(i);
      if (i === 1) throw new Error('failed');
      return i;
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map(work));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect([most, ended]).toEqual([2, [0, 1, 2, 3, 4]]);
});
