import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import type { FenceGuard } from '../fencing/fence-guard.ts';
import type { Launches } from './launches.ts';
import type { SystemdManager } from './manager.ts';
import { isUp, type SystemdState } from './observed.ts';
import type { UnitFiles } from './unit-files.ts';
import type { UnitStep, UnitStepOf } from './unit-steps.ts';

/** What steps act on. */
export interface UnitStepContext {
  readonly files: UnitFiles;
  readonly started: Launches;
  readonly log: Logger;
  /** Throws while systemd can't be reached. */
  readonly manager: () => SystemdManager;
  /** Is that start still wanted, and may the unit run now? */
  readonly mayStart: (step: UnitStepOf<'startUnit'>) => boolean;
  /** Is there a unit of this name that isn't ours? */
  readonly hidden: (state: SystemdState, name: string) => boolean;
  readonly guard: Pick<FenceGuard, 'during'>;
  readonly stateOf: (name: string) => SystemdState;
  /** Are there files that systemd has yet to read? */
  readonly stale: (stale: boolean) => void;
  /** A unit had to be killed, and people may want to know. */
  readonly onKilled: (unit: string, words: string) => void;
  /** systemd has read them: what it said before holds no more. */
  readonly reloaded: () => void;
}

/** Does one step. Throws what systemd or the disk say. */
export async function executeUnitStep(step: UnitStep, context: UnitStepContext): Promise<void> {
  const { name } = step;
  const { files, started, log } = context;
  const manager = context.manager();
  switch (step.type) {
    case 'writeUnit':
      await files.write(step.unit);
      context.stale(true);
      if (INSTALLED.test(step.unit.contents)) await manager.enable(name);
      return;
    case 'removeUnit': {
      await manager.disable(name);
      // Another unit may have started it since it was looked at: one that runs without its file is nobody's, and never stopped.
      const state = await manager.state(name);
      if (isUp(state) && !context.hidden(state, name)) return;
      await files.remove(name);
      context.stale(true);
      await started.forget(name);
      return manager.resetFailed(name);
    }
    case 'reload':
      // First: what is written meanwhile is not in it.
      context.stale(false);
      try {
        await manager.reload();
      } catch (error) {
        context.stale(true);
        throw error;
      }
      return context.reloaded();
    case 'startUnit':
      if (!context.mayStart(step)) return;
      log.info('starting a unit', { unit: name, generation: step.generation });
      return step.fenced ? context.guard.during({ units: [name] }, () => start(step, context)) : start(step, context);
    case 'stopUnit':
      log.info('stopping a unit', { unit: name, reason: step.reason });
      // It stops though the disk is full: what is fenced may soon start elsewhere. This agent remembers it all the same.
      try {
        await started.stopping(name);
      } catch (error) {
        log.warn('that a unit is stopped could not be written down', { unit: name, reason: messageOf(error) });
      }
      return manager.stop(name);
    case 'killUnit':
      log.warn('killing a unit: its time for stopping is over', { unit: name });
      if (step.tell !== undefined) context.onKilled(name, step.tell);
      try {
        // Else systemd starts one with Restart= again.
        await manager.stop(name);
      } finally {
        await manager.kill(name);
      }
      return;
    case 'forgetLaunch':
      return started.forget(name);
  }
}

function start(step: UnitStepOf<'startUnit'>, { started, mayStart, stateOf }: UnitStepContext): Promise<void> {
  return started.start(step.name, { ...step, mayStart: () => mayStart(step) }, stateOf(step.name));
}

/** Does it ask for links from other units? */
const INSTALLED = /^\[Install\]\s*$/m;
