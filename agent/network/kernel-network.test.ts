import { expect, test } from '@jest/globals';
import { NOTHING_WANTED, type ObservedNetwork } from '../../core/network/kernel/state.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { kernelNetwork } from './kernel-network.ts';

test('what was read is remembered for small changes, but no longer than it takes to find drift, however often they come', async () => {
  const nothing: ObservedNetwork = { links: [], routes: [], neighbours: [], forwarding: [] };
  let now = 1_000_000;
  const kernel = kernelNetwork({
    log: silentLogger,
    now: () => now,
    rememberMs: 8_000,
    observe: () => Promise.resolve(nothing),
    apply: () => Promise.resolve([]),
  });
  const fresh: boolean[] = [];
  for (let change = 0; change < 5; change++) {
    const look = await kernel.look();
    fresh.push(look.fresh);
    await kernel.program(NOTHING_WANTED, look.observed);
    now += 3_000;
  }
  expect(fresh).toEqual([true, false, false, true, false]);
});
