import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../core/ports/logger.ts';
import { executeUnitStep, type UnitStepContext } from './execute-unit-step.ts';
import type { SystemdManager } from './manager.ts';
import type { SystemdState } from './observed.ts';
import { type UnitStep, unitStep } from './unit-steps.ts';

const NAME = 'db.service';

/** Does one step where systemd says that of the unit. Gives what was done. */
async function done(step: UnitStep, { state = {}, mayStart = true, hidden = false } = {}): Promise<string[]> {
  const did: string[] = [];
  const note = (what: string) => () => {
    did.push(what);
    return Promise.resolve();
  };
  await executeUnitStep(step, {
    manager: () =>
      ({
        disable: note('disable'),
        resetFailed: note('resetFailed'),
        state: () => Promise.resolve(state as SystemdState),
      }) as Partial<SystemdManager> as SystemdManager,
    files: { remove: note('remove') } as Partial<UnitStepContext['files']> as UnitStepContext['files'],
    started: { start: note('start'), forget: note('forget') } as Partial<
      UnitStepContext['started']
    > as UnitStepContext['started'],
    log: silentLogger,
    mayStart: () => mayStart,
    hidden: () => hidden,
    guard: {
      during(work, start) {
        did.push(`guard ${work.units?.join()}`);
        return start();
      },
    },
    stateOf: () => state as SystemdState,
    stale() {},
    onKilled() {},
    reloaded() {},
  });
  return did;
}

describe('a step for a unit', () => {
  const remove = unitStep('removeUnit', NAME, {});

  test('takes the file of one that has ended away', async () => {
    expect(await done(remove, { state: { activeState: 'inactive' } })).toEqual(['disable', 'remove', 'forget', 'resetFailed']);
  });

  test.each(['active', 'activating', 'deactivating'])(
    'leaves the file of one that is %s by now: nobody would ever stop it',
    async (activeState) => {
      expect(await done(remove, { state: { activeState } })).toEqual(['disable']);
    },
  );

  test("takes ours away where the host's own unit of that name runs", async () => {
    expect(await done(remove, { state: { activeState: 'active' }, hidden: true })).toContain('remove');
  });

  test('starts none that is not to be started any more', async () => {
    const start = unitStep('startUnit', NAME, { uid: 'u', generation: 1, fenced: true });
    expect(await done(start, { mayStart: false })).toEqual([]);
    expect(await done(start)).toEqual([`guard ${NAME}`, 'start']);
    expect(await done({ ...start, fenced: false })).toEqual(['start']);
  });
});
