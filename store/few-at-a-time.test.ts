import { describe, expect, test } from '@jest/globals';
import { inOrder, Lanes } from './few-at-a-time.ts';

/** Tasks that end when told to, and how many are under way. */
function tasks() {
  let running = 0;
  let most = 0;
  const task = async (index: number, turns: number) => {
    running++;
    most = Math.max(most, running);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    running--;
    if (index === 7) throw new Error('the seventh');
    return index;
  };
  return { task, most: () => most };
}

describe('a few at a time', () => {
  test('results come in order, whatever takes how long, and never more than so many are under way', async () => {
    const { task, most } = tasks();
    const results: number[] = [];
    for await (const result of inOrder(7, 3, (index) => task(index, 20 - index * 2))) results.push(result);
    expect([results, most()]).toEqual([[0, 1, 2, 3, 4, 5, 6], 3]);
  });

  test('none, fewer than the width, and an error', async () => {
    const collect = async (count: number, width: number) => {
      const results: number[] = [];
      for await (const result of inOrder(count, width, (index) => tasks().task(index, 2))) results.push(result);
      return results;
    };
    expect(await collect(0, 3)).toEqual([]);
    expect(await collect(2, 5)).toEqual([0, 1]);
    expect(await collect(3, 1)).toEqual([0, 1, 2]);
    await expect(collect(9, 4)).rejects.toThrow('the seventh');
  });

  test('lanes let no more than so many go on, wait for all, and tell an error', async () => {
    const { task, most } = tasks();
    const lanes = new Lanes(2);
    const done: number[] = [];
    for (let index = 0; index < 6; index++) await lanes.add(async () => void done.push(await task(index, 9 - index)));
    await lanes.end();
    expect([done.sort((a, b) => a - b), most()]).toEqual([[0, 1, 2, 3, 4, 5], 2]);
    await lanes.add(async () => void (await task(7, 1)));
    await expect(lanes.end()).rejects.toThrow('the seventh');
  });
});
