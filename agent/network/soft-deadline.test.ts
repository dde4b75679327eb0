import { describe, expect, test } from '@jest/globals';
import { softDeadline } from './soft-deadline.ts';

/** Work that ends when the test says so. */
class Work {
  resolve!: (result: string) => void;
  reject!: (error: Error) => void;
  readonly #end = new Promise<string>((resolve, reject) => Object.assign(this, { resolve, reject }));
  readonly run = () => this.#end;
}

const LONG_MS = 60_000;

describe('work that may hang', () => {
  test('that is done in time gives its result, or its error', async () => {
    let lateEnds = 0;
    const work = softDeadline(LONG_MS, () => lateEnds++);
    expect(await work.wait(() => Promise.resolve('done'))).toBe('done');
    await expect(work.wait(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    expect(await work.wait(() => Promise.resolve('again'))).toBe('again');
    expect(lateEnds).toBe(0);
  });

  test.each(['well', 'badly'])(
    'is late when it hangs, is not begun a second time, and its end is told when it ends %s',
    async (how) => {
      const ended = new Work();
      const work = softDeadline(1, () => ended.resolve('told'));
      const hung = new Work();
      let begun = 0;
      const next = () => Promise.resolve(String(++begun));
      expect(await work.wait(hung.run)).toBe('late');
      expect(await work.wait(next)).toBe('late');
      if (how === 'well') hung.resolve('at last');
      else hung.reject(new Error('it failed'));
      await ended.run();
      expect(await work.wait(next)).toBe('1');
    },
  );

  test('is not waited for longer than it takes', async () => {
    let lateEnds = 0;
    const work = softDeadline(LONG_MS, () => lateEnds++);
    const slow = new Work();
    const first = work.wait(slow.run);
    const second = work.wait(() => Promise.resolve('not begun'));
    slow.resolve('done');
    expect(await Promise.all([first, second])).toEqual(['done', 'late']);
    expect(lateEnds).toBe(0);
  });
});
