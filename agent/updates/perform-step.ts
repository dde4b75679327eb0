import type { UpdateCheck } from '../../core/updates/agent-protocol.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { messageOf } from '../docker/errors.ts';
import { around } from '../uplink/jitter.ts';
import type { UpdateControl } from './control-plane.ts';
import { type AnyUpdateDriver, isSelfUpdating, UpdateFailure } from './driver.ts';
import { healthGate, type HostHealth } from './health-gate.ts';
import { AGAIN_MS_MAX, type Journal, type Outcome, type Step } from './machine.ts';
import type { RunCommand } from './run-command.ts';

/** Does the steps that the machine (machine.ts) names. */
export interface StepPerformer {
  /** Undefined: the step is still to be done. Throws what went wrong with it: see failureOf. */
  perform(step: Step, current: Journal, driver: AnyUpdateDriver): Promise<Outcome | undefined>;
}

export interface StepOptions {
  readonly control: UpdateControl;
  readonly host: HostHealth;
  readonly run: RunCommand;
  readonly arch: UpdateCheck['arch'];
  /** Of the machine, ms. */
  readonly uptime: () => number;
  readonly now: () => number;
  readonly random: () => number;
  /** Asks the machine to reboot. */
  readonly reboot: () => Promise<void>;
  /** Ends this agent, so that the one that is installed now begins. */
  readonly restart: () => Promise<void>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface StepTiming {
  /** Between two tries to get a turn, ms. */
  readonly turnMs: number;
  /** Between two tries of what went wrong on our side. */
  readonly retryMs: number;
}

/** Who has the steps done. */
export interface StepPerformerOptions extends StepOptions {
  readonly timing: StepTiming;
  /** Until `ms` are over, or something else is wanted. */
  readonly pause: (ms: number) => Promise<void>;
  /** What is waited for; undefined: nothing. */
  readonly say: (words: string | undefined) => void;
  /** The journal's news have reached the control plane. */
  readonly told: (current: Journal) => Promise<void>;
  /** Why this host can't be updated as its group says; undefined: it can. */
  readonly unsuited: (why: string | undefined) => void;
}

/** A reboot that hasn't come by then is asked for again. */
const REBOOT_MS = 600_000;

export function stepPerformer(options: StepPerformerOptions): StepPerformer {
  const { control, now, random, log, signal, timing, pause, say, told, unsuited } = options;
  let kept = false;

  async function ask(current: Journal, driver: AnyUpdateDriver): Promise<Outcome | undefined> {
    const { follows, askAgainAt = 0, news } = current;
    const problem = await driver.problem();
    unsuited(problem);
    if (problem !== undefined) return undefined;
    const asks = mayAsk(askAgainAt, now());
    if (isSelfUpdating(driver)) {
      const update = await driver.staged();
      return update && asks ? { type: 'offered', update, staged: true } : undefined;
    }
    const version = await driver.status();
    const answer = await control.check({ group: follows.group, version, arch: options.arch, news: [...news], asks });
    if (news.length > 0) await told(current);
    await keepOnce(driver);
    if (answer.type === 'update') return { type: 'offered', update: answer.update, staged: false };
    say(answer.type === 'hold' ? answer.reason : undefined);
    return undefined;
  }

  /** Once for each agent: with what has answered, this boot has proved itself. */
  async function keepOnce(driver: AnyUpdateDriver): Promise<void> {
    if (kept) return;
    try {
      await driver.keep?.();
      kept = true;
    } catch (error) {
      log.warn('this boot could not be marked as a good one', { reason: messageOf(error) });
    }
  }

  async function takeTurn(current: Journal): Promise<Outcome | undefined> {
    const { held, message } = await control.rebootLock({ group: current.follows.group, action: 'acquire' });
    if (held) return { type: 'done' };
    say(message ?? 'its turn');
    await pause(around(timing.turnMs, random));
    return undefined;
  }

  async function returnTurn(current: Journal, driver: AnyUpdateDriver): Promise<Outcome> {
    if (driver.takesTurns) await control.rebootLock({ group: current.follows.group, action: 'release' });
    if (current.update) await driver.discard(current.update);
    return { type: 'done' };
  }

  async function watch(current: Journal, driver: AnyUpdateDriver, version: string, until: number): Promise<Outcome> {
    let running: string;
    try {
      running = await driver.status();
    } catch (error) {
      // What tells it may still be starting. A system that can't even say what it is isn't waited for any longer than one that is ill.
      if (signal.aborted || options.uptime() < until) throw error;
      return { type: 'failed', error: 'unhealthy', message: `the host can't tell what it runs: ${messageOf(error)}` };
    }
    if (running !== version) {
      const why = await driver.explain?.();
      const message = `the host runs ${running}, although ${version} was activated${why === undefined ? '' : `\n${why}`}`;
      return { type: 'failed', error: 'notBooted', message };
    }
    const problems = await healthGate({ ...gate(current), signal }, until);
    if (problems.length === 0) return { type: 'done' };
    return { type: 'failed', error: 'unhealthy', message: problems.join('\n') };
  }

  const gate = ({ follows }: Journal) => ({
    health: follows.health,
    host: options.host,
    run: options.run,
    uptime: options.uptime,
  });

  async function perform(step: Step, current: Journal, driver: AnyUpdateDriver): Promise<Outcome | undefined> {
    switch (step.type) {
      case 'ask': {
        const outcome = await ask(current, driver);
        if (!outcome) await pause(around(current.follows.checkSeconds * 1000, random));
        return outcome;
      }
      case 'download':
      case 'stage':
        if (isSelfUpdating(driver)) return { type: 'done' };
        if (step.type === 'download') await driver.check(step.update);
        await driver[step.type](step.update, signal);
        return { type: 'done' };
      case 'takeTurn':
        return takeTurn(current);
      case 'activate':
        return { type: 'activated', how: await driver.activate(step.update, signal) };
      case 'reboot':
        await options.reboot();
        await abortableDelay(REBOOT_MS, signal);
        return undefined;
      case 'restart':
        await options.restart();
        await abortableDelay(REBOOT_MS, signal);
        return undefined;
      case 'watch':
        return watch(current, driver, step.update.version, step.until);
      case 'confirm':
        await driver.confirm(step.update);
        return { type: 'done' };
      case 'rollback': {
        const how = await driver.rollback(step.update);
        return how === 'impossible' ? { type: 'impossible' } : { type: 'rolled-back', how };
      }
      case 'recover':
        await healthGate({ ...gate(current), signal }, Number.POSITIVE_INFINITY);
        return { type: 'done' };
      case 'returnTurn':
        return returnTurn(current, driver);
    }
  }

  return { perform };
}

/** What a step threw: either the update is bad, or it couldn't be tried. */
export function failureOf(step: Step, error: unknown): Outcome | undefined {
  if (error instanceof UpdateFailure) return { type: 'failed', error: error.error, message: error.message };
  const message = messageOf(error);
  switch (step.type) {
    case 'download':
      return { type: 'failed', error: 'downloadFailed', message };
    case 'stage':
      return { type: 'failed', error: 'stageFailed', message };
    case 'activate':
    case 'rollback':
      return { type: 'failed', error: 'activateFailed', message };
    case 'confirm':
      return { type: 'failed', error: 'confirmFailed', message };
    default:
      return undefined;
  }
}

/** A clock that was set back by years is no reason to wait for years. */
function mayAsk(askAgainAt: number, now: number): boolean {
  return now >= askAgainAt || askAgainAt - now > AGAIN_MS_MAX;
}
