import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { messageOf } from '../docker/errors.ts';
import type { EventInput } from '../event-log.ts';
import { readJson, writeAtomic } from '../files/atomic-file.ts';
import { around } from '../uplink/jitter.ts';
import { Refusal } from '../uplink/refusal.ts';
import { type AnyUpdateDriver, isSelfUpdating } from './driver.ts';
import {
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
} from './machine.ts';
import { failureOf, type StepOptions, stepPerformer, type StepTiming } from './perform-step.ts';
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

export interface FollowerOptions extends StepOptions {
  readonly file: string;
  readonly driverOf: (update: AssignedUpdate) => AnyUpdateDriver;
  readonly bootId: string;
  readonly events: { add(event: EventInput): void };
  readonly onChange: () => void;
  readonly timing?: Partial<StepTiming>;
}

const TIMING: StepTiming = { turnMs: 30_000, retryMs: 10_000 };

export function startFollower(options: FollowerOptions): Follower {
  const { file, driverOf, control, now, random, log, signal, onChange } = options;
  const timing = { ...TIMING, ...options.timing };
  let wanted: AssignedUpdate | undefined;
  let journal: Journal | undefined;
  let waiting: string | undefined;
  let problem: string | undefined;
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

  const performer = stepPerformer({
    ...options,
    timing,
    pause,
    say,
    async told(current) {
      await become({ ...current, news: [] });
    },
    unsuited(why) {
      problem = why;
    },
  });

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

  /** A slot that nobody gives back halts its group: it is tried until it is answered. Whom the control plane doesn't know has none. */
  async function giveBack({ follows: { group } }: Journal): Promise<void> {
    try {
      await control.rebootLock({ group, action: 'release' });
    } catch (error) {
      if (!(error instanceof Refusal) || error.status >= 500 || error.status === 429) throw error;
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
      outcome = await performer.perform(step, told, driver);
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
