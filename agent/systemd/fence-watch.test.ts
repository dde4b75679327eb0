import { afterEach, expect, test } from '@jest/globals';
import { eventually } from '../../test/support/eventually.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { type FenceWatch, fenceWatch } from './fence-watch.ts';

let watch: FenceWatch;
afterEach(() => watch.close());

test('what is not known to have ended is stopped without a bus when its time is over, once, and the bus is given up', async () => {
  const stopped: string[] = [];
  let hung = 0;
  const up = new Set(['db.service']);
  watch = fenceWatch({
    now: () => Date.now(),
    lapsed: () => ({ at: 0, graceSeconds: 1 }),
    fenced: () => ['db.service', 'ended.service'],
    mayBeUp: (name) => up.has(name),
    async forget(name) {
      stopped.push(name);
      up.delete(name);
    },
    onHung: () => void hung++,
    withoutBus: { systemctl: ['true'], cgroups: '/nowhere' },
    log: silentLogger,
  });
  watch.look();
  await eventually('it was stopped', () => expect(stopped).toEqual(['db.service', 'ended.service']));
  await eventually('the bus was given up', () => expect(hung).toBe(1));
});

test('what has ended by then is left to the bus', async () => {
  const asked: string[] = [];
  watch = fenceWatch({
    now: () => Date.now(),
    lapsed: () => ({ at: 0, graceSeconds: 1 }),
    fenced: () => ['db.service'],
    mayBeUp(name) {
      asked.push(name);
      return false;
    },
    forget: () => Promise.reject(new Error('it is forgotten')),
    onHung: () => asked.push('hung'),
    withoutBus: { systemctl: ['false'], cgroups: '/nowhere' },
    log: silentLogger,
  });
  watch.look();
  await eventually('it was looked at twice', () => expect(asked).toEqual(['db.service', 'db.service']));
});
