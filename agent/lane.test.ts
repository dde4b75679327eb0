import { expect, test } from '@jest/globals';
import { lane } from './lane.ts';

test('no more go on at once than may, the others in the order in which they came, and one that fails holds up nobody', async () => {
  const through = lane(2);
  const ends = new Map<number, (error?: Error) => void>();
  const begun: number[] = [];
  const all = [0, 1, 2, 3].map((each) =>
    through(
      () =>
        new Promise<number>((resolve, reject) => {
          begun.push(each);
          ends.set(each, (error) => (error ? reject(error) : resolve(each)));
        }),
    ).catch((error: Error) => error.message),
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  expect(begun).toEqual([0, 1]);
  ends.get(1)!(new Error('failed'));
  await turn();
  expect(begun).toEqual([0, 1, 2]);
  ends.get(0)!();
  ends.get(2)!();
  await turn();
  ends.get(3)!();
  expect(await Promise.all(all)).toEqual([0, 'failed', 2, 3]);
  expect(await through(async () => 'again')).toBe('again');
});
