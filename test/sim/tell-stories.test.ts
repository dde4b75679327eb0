import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { tellStories } from './tell-stories.ts';

let said: string[];
beforeEach(() => {
  said = [];
  for (const method of ['log', 'error'] as const) jest.spyOn(console, method).mockImplementation((text) => void said.push(text));
});
afterEach(() => void jest.restoreAllMocks());

test('a story that goes wrong, or breaks off, is named with how to see it again, and the others are told', async () => {
  const told: number[] = [];
  const tell = async (seed: number) => {
    told.push(seed);
    if (seed === 8) throw new Error('no such host');
    return { findings: seed === 9 ? ['two of one'] : [], counts: { cuts: 1 } };
  };
  expect(await tellStories('npm run sim', tell, ['--seeds', '4', '--from', '7'])).toBe(1);
  expect(told).toEqual([7, 8, 9, 10]);
  const text = said.join('\n');
  expect(text).toMatch(/seed 8: .*npm run sim -- --seeds 1 --from 8\n.*no such host/);
  expect(text).toMatch(/seed 9: .*npm run sim -- --seeds 1 --from 9\n.*two of one/);
  expect(text).toMatch(/4 seeds in .*: 2 with findings\n3 cuts$/);
});

test.each(['--help', '5', '--seeds x', '--seeds 0'])('%s is answered with what may be asked', async (line) => {
  expect(await tellStories('npm run sim', () => Promise.reject(new Error('told')), line.split(' '))).toBe(2);
  expect(said).toEqual([expect.stringContaining('npm run sim -- --seeds 1000 --from 1')]);
});
