import { aimAt, aimOf, giveUpOnLate, grantOf, grantTo } from './ledger.ts';
import type { Channel, Ledger, Package, Policy } from './model.ts';
import { nextPackage } from './next-package.ts';
import { type Candidate, isItsTurn } from './rollout.ts';
import { windowIsOpen } from './windows.ts';

export interface Question {
  readonly policy: Policy;
  readonly channel: Channel;
  readonly ledger: Ledger;
  readonly candidate: Candidate & { readonly version: string };
  /** What keeps the cluster from being touched now (workloads not ready, an alert that fires); undefined: nothing. */
  readonly unhealthy?: string | undefined;
  /** How many pods of the cluster are missing now; asked for when the target is another one than before. */
  readonly unready?: () => number;
}

/** Why an instance isn't given an update now. All are "no update" to its client; people are shown them. */
export type Hold =
  | 'NoPackage'
  | 'UpToDate'
  | 'UpdateUnderWay'
  | 'UpdatesDisabled'
  | 'Paused'
  | 'Halted'
  | 'ClusterUnhealthy'
  | 'OutsideWindow'
  | 'NotItsTurn'
  | 'FirstUpdateUnderWay'
  | 'PeriodLimit'
  | 'ConcurrencyLimit';

export type Answer =
  | { readonly type: 'update'; readonly package: Package; readonly ledger: Ledger }
  /** The ledger may have changed all the same: it has if it isn't the one of the question. */
  | { readonly type: 'hold'; readonly reason: Hold; readonly ledger: Ledger };

/**
 * Whether an instance that asks is given an update, and which. Pure; the caller commits the answer's ledger in the transaction that it
 * read the question's in, so that limits hold however many ask at once.
 *
 * The rules are CoreUpdate's as Nebraska keeps them, but for its race: there, limits are checked before, not with, the grant.
 */
export function answerCheck(question: Question, now: number): Answer {
  const { policy, channel, candidate } = question;
  const hold = (reason: Hold, ledger: Ledger): Answer => ({ type: 'hold', reason, ledger });
  if (!channel.target) return hold('NoPackage', question.ledger);

  const next = nextPackage(channel, candidate.version);
  if (!next) return hold('UpToDate', question.ledger);

  const ledger = giveUpOnLate(aimAt(question.ledger, aimOf(channel.aims), question.unready), policy, now);
  const current = grantOf(ledger, candidate.instance);
  if (current && current.progress !== 'granted') return hold('UpdateUnderWay', ledger);
  if (!policy.enabled) return hold('UpdatesDisabled', ledger);
  if (policy.paused) return hold('Paused', ledger);
  if (ledger.halted) return hold('Halted', ledger);
  // Granted, and the answer was lost or not acted on: the slot is held already.
  if (current) return { type: 'update', package: next, ledger: regrant(ledger, candidate.instance, next) };

  const reason =
    question.unhealthy === undefined ? limit(policy, ledger, candidate, channel.target.version, now) : 'ClusterUnhealthy';
  if (reason) return hold(reason, ledger);
  return { type: 'update', package: next, ledger: grantTo(ledger, candidate.instance, next, policy.period, now) };
}

function limit(policy: Policy, ledger: Ledger, candidate: Candidate, version: string, now: number): Hold | undefined {
  if (!windowIsOpen(policy.windows, now)) return 'OutsideWindow';
  if (!isItsTurn(policy.rollout, candidate, version, now)) return 'NotItsTurn';
  if (policy.safeMode && ledger.completed === 0 && ledger.underWay.length > 0) return 'FirstUpdateUnderWay';
  if (ledger.grantedAt.filter((time) => now - time < policy.period).length >= policy.updatesMax) return 'PeriodLimit';
  if (ledger.underWay.length >= policy.updatesMax) return 'ConcurrencyLimit';
  return undefined;
}

/** The channel may have moved on since: the slot and its clock stay. */
function regrant(ledger: Ledger, instance: string, next: Package): Ledger {
  if (grantOf(ledger, instance)?.package.name === next.name) return ledger;
  return {
    ...ledger,
    underWay: ledger.underWay.map((grant) => (grant.instance === instance ? { ...grant, package: next } : grant)),
  };
}
