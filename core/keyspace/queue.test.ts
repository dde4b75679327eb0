import { expect, test } from '@jest/globals';
import { Queue } from './queue.ts';

test('a queue gives back what came first, whatever comes and goes meanwhile', () => {
  const queue = new Queue<number>();
  const model: number[] = [];
  for (let n = 0; n < 2_000; n++) {
    // Grows, shrinks to nothing, and grows again.
    if (Math.floor(n / 100) % 3 < 2 && n % 5 > 0) {
      queue.push(n);
      model.push(n);
    } else expect(queue.shift()).toBe(model.shift());
    expect([queue.length, queue.first, queue.last]).toEqual([model.length, model[0], model.at(-1)]);
    if (n % 97 === 0) expect([[...queue], queue.from(3)]).toEqual([model, model.slice(3)]);
  }
  queue.clear();
  expect([queue.length, queue.shift(), [...queue]]).toEqual([0, undefined, []]);
});
