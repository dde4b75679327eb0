import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { UpdateCheck } from '../../core/updates/agent-protocol.ts';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { messageOf } from '../docker/errors.ts';
import type { EventInput } from '../event-log.ts';
import { readJson, writeAtomic } from '../files/atomic-file.ts';
import { around } from '../uplink/jitter.ts';
import { Refusal } from '../uplink/refusal.ts';
import type { UpdateControl } from './control-plane.ts';
import { type AnyUpdateDriver, isSelfUpdating, UpdateFailure } from './driver.ts';
import { healthGate, type HostHealth } from './health-gate.ts';
import {
  AGAIN_MS_MAX,
  after,
  type Circumstances,
  ended,
  type Failure,
  type Journal,
  mayBeDropped,
  newJournal,
  nextStep,
  type Outcome,
  type Phase,
  resumed,
  type Step,
} from './machine.ts';
import type { RunCommand } from './run-command.ts';
import { happeningOf } from './telling.ts';

/** Keeps one thing of the host (its system, or the agent) as its group wants it. */
export interface Follower {
  /** From now on; undefined: nothing. */
  follow(update: AssignedUpdate | undefined): void;
  state(): FollowerState;
  /** Resolves when the step that is under way has come to rest. */
  readonly done: Promise<void>;
}

export interface FollowerState {
  readonly follows: AssignedUpdate | undefined;
  readonly phase: Phase;
  /** Version that the update under way brings. */
  readonly target?: string | undefined;
  /** What it waits for. */
  readonly waiting?: string | undefined;
  readonly failure?: Failure | undefined;
  /** Why this host can't be updated as its group says. */
  readonly problem?: string | undefined;
}

export interface FollowerOptions {
  readonly file: string;
  readonly driverOf: (update: AssignedUpdate) => AnyUpdateDriver;
  readonly control: UpdateControl;
  readonly host: HostHealth;
  readonly run: RunCommand;
  readonly arch: UpdateCheck['arch'];
  readonly bootId: string;
  /** Of the machine, ms. */
  readonly uptime: () => number;
  readonly now: () => number;
  readonly random: () => number;
  /** Asks the machine to reboot. */
  readonly reboot: () => Promise<void>;
  /** Ends this agent, so that the one that is installed now begins. */
  readonly restart: () => Promise<void>;
  readonly log: Logger;
  readonly events: { add(event: EventInput): void };
  readonly onChange: () => void;
  readonly signal: AbortSignal;
  readonly timing?: Partial<FollowerTiming>;
}

export interface FollowerTiming {
  /** Between two tries to get a turn, ms. */
  readonly turnMs: number;
  /** Between two tries of what went wrong on our side. */
  readonly retryMs: number;
}

const TIMING: FollowerTiming = { turnMs: 30_000, retryMs: 10_000 };
/** A reboot that hasn't come by then is asked for again. */
const REBOOT_MS = 600_000;

export function startFollower(options: FollowerOptions): Follower {
  const { file, driverOf, control, now, random, log, signal, onChange } = options;
  const timing = { ...TIMING, ...options.timing };
  let wanted: AssignedUpdate | undefined;
  let journal: Journal | undefined;
  let waiting: string | undefined;
  let problem: string | undefined;
  let kept = false;
  let wake = new AbortController();

  /** Until `ms` are over, or something else is wanted. */
  const pause = (ms: number) => abortableDelay(ms, AbortSignal.any([signal, wake.signal]));
  const circumstances = (driver: AnyUpdateDriver): Circumstances => ({
    bootId: options.bootId,
    uptime: options.uptime(),
    now: now(),
    takesTurns: driver.takesTurns,
    bootsInto: driver.bootsInto,
  });

  async function become(next: Journal): Promise<void> {
    if (next === journal) return;
    const before = journal;
    // Not before there is something to write: a host that follows no group has nothing of all this.
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    // On disk first: after a crash, it is known what may have begun.
    await writeAtomic(file, JSON.stringify(next));
    journal = next;
    const happening = before && happeningOf(before, next);
    if (happening) options.events.add(happening);
    onChange();
  }

  function say(words: string | undefined): void {
    if (words === waiting) return;
    waiting = words;
    onChange();
  }

  /** What is new is told as it happens, as far as the control plane can be reached. */
  async function tell(current: Journal, driver: AnyUpdateDriver): Promise<void> {
    const { news, follows } = current;
    if (news.length === 0) return;
    // Such a system tells what becomes of its updates itself.
    if (isSelfUpdating(driver)) return become({ ...current, news: [] });
    try {
      const version = await driver.status();
      await control.check({ group: follows.group, version, arch: options.arch, news: [...news], asks: false });
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 404) return;
      // Nobody wants to know any more.
    }
    await become({ ...current, news: [] });
  }

  async function ask(current: Journal, driver: AnyUpdateDriver): Promise<Outcome | undefined> {
    const { follows, askAgainAt = 0, news } = current;
    problem = await driver.problem();
    if (problem !== undefined) return undefined;
    const asks = mayAsk(askAgainAt, now());
    if (isSelfUpdating(driver)) {
      const update = await driver.staged();
      return update && asks ? { type: 'offered', update, staged: true } : undefined;
    }
    const version = await driver.status();
    const answer = await control.check({ group: follows.group, version, arch: options.arch, news: [...news], asks });
    if (news.length > 0) await become({ ...current, news: [] });
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

  /** A slot that nobody gives back halts its group: it is tried until it is answered. Whom the control plane doesn't know has none. */
  async function giveBack({ follows: { group } }: Journal): Promise<void> {
    try {
      await control.rebootLock({ group, action: 'release' });
    } catch (error) {
      if (!(error instanceof Refusal) || error.status >= 500 || error.status === 429) throw error;
    }
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

  /** Undefined: the step is still to be done. */
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

  /** What a step threw: either the update is bad, or it couldn't be tried. */
  function failureOf(step: Step, error: unknown): Outcome | undefined {
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

  async function round(current: Journal): Promise<void> {
    const driver = driverOf(current.follows);
    await tell(current, driver);
    const told = journal ?? current;
    if (isSameTask(wanted, told.follows) && !isSame(wanted, told.follows)) return become({ ...told, follows: wanted! });
    if (mayBeDropped(told) && !isSameTask(wanted, told.follows)) {
      if (told.update) {
        await driver.discard(told.update);
        if (told.phase === 'turn') await giveBack(told);
      }
      problem = undefined;
      if (wanted) return become(newJournal(wanted));
      await become(ended(told));
      say(undefined);
      await pause(2 ** 30);
      return;
    }
    const step = nextStep(told);
    let outcome: Outcome | undefined;
    try {
      outcome = await perform(step, told, driver);
    } catch (error) {
      if (signal.aborted) return;
      outcome = failureOf(step, error);
      if (!outcome) {
        const reason = messageOf(error);
        if (reason !== waiting) log.warn('an update waits', { group: told.follows.group, step: step.type, reason });
        say(reason);
        await pause(around(timing.retryMs, random));
        return;
      }
      if (step.type === 'rollback') await abortableDelay(timing.retryMs, signal);
    }
    // A step that was cut off is not over: the next agent does it again.
    if (!outcome || signal.aborted) return;
    say(undefined);
    const next = after(journal ?? told, outcome, circumstances(driver));
    if (told.update && next.phase === 'idle' && told.phase !== 'return') await driver.discard(told.update).catch(() => undefined);
    await become(next);
  }

  async function begin(): Promise<void> {
    const found = await readJournal(file, log);
    if (!found) return;
    journal = found;
    if (!found.update) return;
    const driver = driverOf(found.follows);
    await become(resumed(found, await driver.status().catch(() => ''), circumstances(driver)));
  }

  async function loop(): Promise<void> {
    let begun = false;
    while (!signal.aborted) {
      wake = new AbortController();
      try {
        if (!begun) await begin();
        begun = true;
        if (!journal && !wanted) await pause(2 ** 30);
        else if (!journal) await become(newJournal(wanted!));
        else await round(journal);
      } catch (error) {
        if (signal.aborted) break;
        // A disk that is full, for one: said once.
        if (messageOf(error) !== waiting) log.warn('updates are held up', { reason: messageOf(error) });
        say(messageOf(error));
        await pause(around(timing.retryMs, random));
      }
    }
  }

  return {
    follow(update) {
      if (isSame(wanted, update)) return;
      wanted = update;
      wake.abort();
    },
    state: () => ({
      follows: wanted,
      phase: journal?.phase ?? 'idle',
      target: journal?.update?.version,
      waiting,
      failure: journal?.failure,
      problem,
    }),
    done: loop(),
  };
}

/** A clock that was set back by years is no reason to wait for years. */
function mayAsk(askAgainAt: number, now: number): boolean {
  return now >= askAgainAt || askAgainAt - now > AGAIN_MS_MAX;
}

function isSame(a: AssignedUpdate | undefined, b: AssignedUpdate | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** An update under way goes on although, say, the group's health check was changed. */
function isSameTask(a: AssignedUpdate | undefined, b: AssignedUpdate): boolean {
  return a?.group === b.group && a.application === b.application && a.driver === b.driver;
}

/** One that can't be read is worse than none: it is said, and the host begins anew. */
async function readJournal(file: string, log: Logger): Promise<Journal | undefined> {
  try {
    const found = await readJson<Journal>(file);
    if (!found || found.format === 1) return found;
    log.error('the journal of updates is of another format, and not used', { file });
  } catch (error) {
    log.error('the journal of updates can not be read, and is not used', { file, reason: messageOf(error) });
  }
  return undefined;
}
