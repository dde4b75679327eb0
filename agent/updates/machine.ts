import type { OfferedUpdate, UpdateErrorName, UpdateNews } from '../../core/updates/agent-protocol.ts';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import { UPDATE_ERRORS } from '../../core/updates/agent-protocol.ts';
import type { Activation } from './driver.ts';

/**
 * One update of one host, as a pure state machine. The journal says where it is; it is on disk before the step that it names begins, so
 * that a host that loses power anywhere goes on there, or goes back.
 *
 *     idle -> download -> stage -> turn -> activate -> boot -> watch -> confirm -> return -> idle
 *                 |         |                  |                 |         |         ^
 *                 v         v                  +------> rollback -> boot-back -> recover
 *                idle      idle                (whatever is wrong, the old version)
 */
export type Phase =
  | 'idle'
  /** Nothing that runs has been touched. */
  | 'download'
  | 'stage'
  /** Waits for a slot of the group's reboot lock. */
  | 'turn'
  | 'activate'
  | 'boot'
  /** The new version runs, or should: is the host well? */
  | 'watch'
  | 'confirm'
  | 'rollback'
  | 'boot-back'
  /** It went wrong and is over: the slot is kept until the host is well. */
  | 'recover'
  /** Gives the slot back. */
  | 'return';

export interface Journal {
  readonly format: 1;
  readonly phase: Phase;
  /** What the update is for: it is brought to its end although the host may follow something else by then. */
  readonly follows: AssignedUpdate;
  /** Absent only when idle. */
  readonly update?: OfferedUpdate;
  /** `boot` and `boot-back`: the boot that is to end. `watch`: the boot that is watched. */
  readonly bootId?: string;
  /** `boot` and `boot-back`: ending the agent is enough. */
  readonly restart?: boolean;
  /** `watch`: the machine's uptime when it began, ms: clocks are set at boot, uptimes aren't. */
  readonly watchedSince?: number;
  /** `watch`: how often the host has booted meanwhile. */
  readonly boots?: number;
  /** How often going back was tried in vain. */
  readonly rollbacks?: number;
  /** What the last update came to grief over; undefined when it went well. */
  readonly failure?: Failure;
  /** Failures of one package after the other: asked for again only then. */
  readonly failures?: number;
  readonly askAgainAt?: number;
  /** Not told yet, oldest first. */
  readonly news: readonly UpdateNews[];
}

export interface Failure {
  readonly error: UpdateErrorName;
  readonly message: string;
  readonly version: string;
  /** ms since the epoch. */
  readonly at: number;
}

export type Step =
  | { readonly type: 'ask' }
  | { readonly type: 'download' | 'stage' | 'activate' | 'confirm' | 'rollback'; readonly update: OfferedUpdate }
  | { readonly type: 'takeTurn' | 'returnTurn' }
  | { readonly type: 'reboot' | 'restart' }
  /** Watches the host until it is well, or for so long in vain. */
  | { readonly type: 'watch'; readonly update: OfferedUpdate; readonly until: number }
  /** Waits until it is well, however long that takes. */
  | { readonly type: 'recover' };

/** How a step ended. */
export type Outcome =
  | { readonly type: 'offered'; readonly update: OfferedUpdate; readonly staged: boolean }
  | { readonly type: 'done' }
  | { readonly type: 'activated' | 'rolled-back'; readonly how: Activation }
  | { readonly type: 'impossible' }
  | { readonly type: 'failed'; readonly error: UpdateErrorName; readonly message: string };

/** What the machine knows of the host and the group. */
export interface Circumstances {
  readonly bootId: string;
  /** Of the machine, ms. */
  readonly uptime: number;
  readonly now: number;
  readonly takesTurns: boolean;
  readonly bootsInto: boolean;
}

const BOOTS_MAX = 3;
const ROLLBACKS_MAX = 5;
const AGAIN_MS_FIRST = 600_000;
export const AGAIN_MS_MAX = 86_400_000;
const MESSAGE_MAX = 3500;

export const newJournal = (follows: AssignedUpdate): Journal => ({ format: 1, phase: 'idle', follows, news: [] });

/** What an agent that has just started makes of the journal it finds, given what runs. */
export function resumed(journal: Journal, running: string, facts: Circumstances): Journal {
  const { phase, update } = journal;
  if (!update) return journal;
  // A reboot that nobody asked for, between the writing and our turn, has led into it already.
  if ((phase === 'stage' || phase === 'turn' || phase === 'activate') && running === update.version)
    return watching(journal, facts);
  const begunAnew = journal.restart === true || journal.bootId !== facts.bootId;
  if (phase === 'boot' && begunAnew) return watching(journal, facts);
  if (phase === 'boot-back' && begunAnew) return over({ ...journal, phase: 'recover' }, facts);
  if (phase !== 'watch' || journal.bootId === facts.bootId) return journal;
  const boots = (journal.boots ?? 0) + 1;
  if (boots <= BOOTS_MAX) return { ...watching(journal, facts), boots };
  return failed(journal, 'unhealthy', `the host has booted ${boots} times without becoming well`, facts);
}

export function nextStep(journal: Journal): Step {
  const { phase, update } = journal;
  if (phase === 'idle' || !update) return { type: 'ask' };
  switch (phase) {
    case 'download':
    case 'stage':
    case 'activate':
    case 'confirm':
    case 'rollback':
      return { type: phase, update };
    case 'turn':
      return { type: 'takeTurn' };
    case 'boot':
    case 'boot-back':
      return { type: journal.restart ? 'restart' : 'reboot' };
    case 'watch':
      return { type: 'watch', update, until: (journal.watchedSince ?? 0) + journal.follows.health.timeoutSeconds * 1000 };
    case 'recover':
      return { type: 'recover' };
    case 'return':
      return { type: 'returnTurn' };
  }
}

/** The journal after the step that it named has ended so. */
export function after(journal: Journal, outcome: Outcome, facts: Circumstances): Journal {
  const { phase } = journal;
  if (outcome.type === 'failed') return failed(journal, outcome.error, outcome.message, facts);
  switch (phase) {
    case 'idle':
      if (outcome.type !== 'offered') return journal;
      return outcome.staged ? staged({ ...journal, update: outcome.update }, facts) : begun(journal, outcome.update);
    case 'download':
      return told({ ...journal, phase: 'stage' }, { type: 'progress', progress: 'downloaded' });
    case 'stage':
      return staged(journal, facts);
    case 'turn':
      return { ...journal, phase: 'activate' };
    case 'activate':
      if (outcome.type !== 'activated') return journal;
      if (outcome.how === 'running') return watching(journal, facts);
      return entered(
        facts.bootsInto ? journal : told(journal, { type: 'progress', progress: 'installed' }),
        outcome.how,
        'boot',
        facts,
      );
    case 'boot':
    case 'boot-back':
      return journal;
    case 'watch':
      return { ...journal, phase: 'confirm' };
    case 'confirm': {
      const { failure: _, failures: _f, askAgainAt: _a, ...rest } = journal;
      return told({ ...rest, phase: 'return' }, { type: 'complete' });
    }
    case 'rollback':
      if (outcome.type === 'rolled-back' && outcome.how !== 'running') return entered(journal, outcome.how, 'boot-back', facts);
      return over({ ...(outcome.type === 'impossible' ? cannotGoBack(journal) : journal), phase: 'recover' }, facts);
    case 'recover':
      return { ...journal, phase: 'return' };
    case 'return':
      return ended(journal);
  }
}

/** The host no longer follows the group. What has begun to change the running system is brought to its end all the same. */
export function mayBeDropped({ phase }: Journal): boolean {
  return phase === 'idle' || phase === 'download' || phase === 'stage' || phase === 'turn';
}

/** It is over, and nothing of it is left but what has to be told. */
export function ended(journal: Journal): Journal {
  const { format, follows, failure, failures, askAgainAt, news } = journal;
  const remembered = { ...(failure && { failure }), ...(failures && { failures }), ...(askAgainAt && { askAgainAt }) };
  return { format, phase: 'idle', follows, ...remembered, news };
}

function begun(journal: Journal, update: OfferedUpdate): Journal {
  return told({ ...journal, phase: 'download', update }, { type: 'progress', progress: 'downloading' });
}

function staged(journal: Journal, { takesTurns, bootsInto }: Circumstances): Journal {
  const next: Journal = { ...journal, phase: takesTurns ? 'turn' : 'activate' };
  return bootsInto ? told(next, { type: 'progress', progress: 'installed' }) : next;
}

function watching(journal: Journal, { bootId, uptime }: Circumstances): Journal {
  return { ...journal, phase: 'watch', bootId, watchedSince: uptime, boots: journal.boots ?? 0 };
}

function entered(journal: Journal, how: Activation, phase: 'boot' | 'boot-back', { bootId }: Circumstances): Journal {
  return { ...journal, phase, bootId, restart: how === 'restart' };
}

function failed(journal: Journal, error: UpdateErrorName, message: string, facts: Circumstances): Journal {
  const { phase, update } = journal;
  if (phase === 'idle' || phase === 'boot-back' || phase === 'recover' || phase === 'return' || !update) return journal;
  const failure =
    journal.failure && phase === 'rollback' ? journal.failure : failureOf(error, message, update.version, facts.now);
  const next = { ...journal, failure };
  if (phase === 'download' || phase === 'stage') return ended(over(next, facts));
  if (phase !== 'rollback') return { ...next, phase: 'rollback', rollbacks: 0 };
  const rollbacks = (journal.rollbacks ?? 0) + 1;
  if (rollbacks < ROLLBACKS_MAX) return { ...next, rollbacks };
  return over({ ...withRemark(next, `It could not go back: ${message}`), phase: 'recover' }, facts);
}

function failureOf(error: UpdateErrorName, message: string, version: string, at: number): Failure {
  return { error, message: message.length > MESSAGE_MAX ? `…${message.slice(-MESSAGE_MAX)}` : message, version, at };
}

function cannotGoBack(journal: Journal): Journal {
  return withRemark(journal, 'This kind of update can not be taken back: the host stays as it is.');
}

function withRemark(journal: Journal, remark: string): Journal {
  return journal.failure
    ? { ...journal, failure: { ...journal.failure, message: `${remark}\n${journal.failure.message}` } }
    : journal;
}

/** It went wrong, and nothing more will be tried with it for a while. */
function over(journal: Journal, { now }: Circumstances): Journal {
  const { failure } = journal;
  if (!failure) return journal;
  const failures = (journal.failures ?? 0) + 1;
  const askAgainAt = now + Math.min(AGAIN_MS_FIRST * 2 ** (failures - 1), AGAIN_MS_MAX);
  return told(
    { ...journal, failures, askAgainAt },
    { type: 'error', code: UPDATE_ERRORS[failure.error], message: failure.message },
  );
}

function told(journal: Journal, news: UpdateNews): Journal {
  return { ...journal, news: [...journal.news, news].slice(-20) };
}
