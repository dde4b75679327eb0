import { expect, test } from '@jest/globals';
import { BusError, NOT_SENT } from './bus.ts';
import { launches } from './launches.ts';
import type { SystemdManager } from './manager.ts';
import type { Launch, SystemdState } from './observed.ts';

test('a start that was held up until the lease was over is not asked for, and not taken for one', async () => {
  let mayStart = true;
  const asked: string[] = [];
  const saved: ReadonlyMap<string, Launch>[] = [];
  const manager = {
    async resetFailed() {
      // The bus has hung meanwhile.
      mayStart = false;
    },
    async restart(name: string, still: () => boolean) {
      if (!still()) throw new BusError(NOT_SENT, '');
      asked.push(name);
      return 1;
    },
  } as unknown as SystemdManager;
  const all = launches({
    now: () => 0,
    manager: () => manager,
    known: new Map(),
    save: async (next) => void saved.push(new Map(next)),
  });
  const before = { invocationId: '' } as SystemdState;
  await all.start('db.service', { uid: 'u', generation: 1, lease: 7, mayStart: () => mayStart }, before);
  expect(asked).toEqual([]);
  expect(saved.map((one) => one.get('db.service')?.lease)).toEqual([7, undefined]);
  mayStart = true;
  await all.start('web.service', { uid: 'u', generation: 1 }, before);
  expect(asked).toEqual(['web.service']);
  // As one of an agent that knew no leases by number.
  for (const lease of [8, 9]) await all.adopt('web.service', lease);
  expect(all.all.get('web.service')?.lease).toBe(8);
});
