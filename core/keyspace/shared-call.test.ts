import { describe, expect, test } from '@jest/globals';
import { sharedCall } from './shared-call.ts';

/** Calls that end when the test says so. */
function controlled() {
  const running: { end: () => void; fail: (error: Error) => void }[] = [];
  const shared = sharedCall(() => new Promise<void>((end, fail) => running.push({ end, fail })));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { running, shared, turn };
}

describe('a shared call', () => {
  test('is made once for all who ask at once', async () => {
    const { running, shared, turn } = controlled();
    const all = Promise.all([shared(), shared(), shared()]);
    await turn();
    expect(running).toHaveLength(1);
    running[0]!.end();
    await all;
  });

  test('that had started before is not good enough: whoever asks later waits for the next, and shares that', async () => {
    const { running, shared, turn } = controlled();
    const first = shared();
    await turn();
    let lateDone = false;
    const late = Promise.all([shared(), shared()]).then(() => {
      lateDone = true;
    });
    await turn();
    expect(running).toHaveLength(1);
    running[0]!.end();
    await first;
    await turn();
    expect([running.length, lateDone]).toEqual([2, false]);
    running[1]!.end();
    await late;
  });

  test('that fails fails for those who share it, and not for the next', async () => {
    const { running, shared, turn } = controlled();
    const first = shared();
    await turn();
    const second = shared();
    running[0]!.fail(new Error('no'));
    await expect(first).rejects.toThrow('no');
    await turn();
    running[1]!.end();
    await second;
  });
});
