import { expect, test } from '@jest/globals';
import { NOW } from '../testing/pods.ts';
import { blockedAfter, restartAt } from './backoff.ts';
import type { ContainerMemory } from './memory.ts';
import { recordStarted } from './record.ts';

/** Starts, runs so long, ends: how long after each end the next start may be. */
function waits(runsMs: readonly number[]): number[] {
  const memory: ContainerMemory = { attempt: -1, backoffMs: 0 };
  let now = NOW;
  return runsMs.map((ranMs, attempt) => {
    recordStarted(memory, { attempt, bootId: 'b', containerId: 'c', now });
    const startedAt = now;
    now += ranMs;
    memory.ended = { exitCode: 1, reason: 'Error', startedAt, finishedAt: now, containerId: 'c' };
    const wait = Math.max(0, restartAt(memory) - now);
    now += wait;
    return wait / 1000;
  });
}

test('the first restart comes at once, then 10 s doubling to 5 minutes', () => {
  expect(waits(Array(9).fill(1000))).toEqual([0, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test('ten minutes of running are forgiven, and a container that had run fine comes back at once', () => {
  expect(waits([1000, 1000, 1000, 600_000, 1000, 1000])).toEqual([0, 10, 20, 0, 10, 20]);
});

test('starts that fail before anything runs wait from the first time, anew for another reason', () => {
  const first = blockedAfter(undefined, 'ErrImagePull', 'x', NOW);
  const second = blockedAfter(first, 'ErrImagePull', 'x', NOW);
  expect([first.retryAt, second.retryAt, second.failures]).toEqual([NOW + 10_000, NOW + 20_000, 2]);
  expect(blockedAfter(second, 'CreateContainerError', 'y', NOW)).toMatchObject({ failures: 1, retryAt: NOW + 10_000 });
});
