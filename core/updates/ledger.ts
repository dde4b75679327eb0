import type { Grant, HaltReason, Ledger, Package, Policy, Progress } from './model.ts';

/** What happens to a group's book. Each step gives a new one; a step that changes nothing gives the same. */

/** One text for the versions that a rollout leads to: mostly one, or one an architecture. */
export const aimOf = (versions: readonly string[]): string => [...new Set(versions)].sort().join(', ');

/** Whether a version is among those. Versions have neither commas nor spaces. */
export const isAim = (aim: string | undefined, version: string): boolean => aim?.split(', ').includes(version) ?? false;

/**
 * The counts are about one aim at a time. What is under way and the limits go on; so does a halt: that the channel has
 * moved on doesn't say that somebody has looked. `unready`: how many pods of the cluster are missing now.
 */
export function aimAt(ledger: Ledger, version: string, unready: () => number = () => 0): Ledger {
  if (ledger.version === version) return ledger;
  return { ...ledger, version, completed: 0, failed: 0, unreadyBefore: unready() };
}

/** Gives up on updates that take too long. In safe mode that halts the group; else their slots are free again. */
export function giveUpOnLate(ledger: Ledger, policy: Policy, now: number): Ledger {
  const late = ledger.underWay.filter(({ grantedAt, waitedAt = grantedAt }) => now - waitedAt > policy.timeout);
  if (late.length === 0) return ledger;
  const underWay = ledger.underWay.filter((grant) => !late.includes(grant));
  const next = { ...ledger, underWay, failed: ledger.failed + late.length };
  return policy.safeMode ? halt(next, 'UpdateTimedOut', now) : haltOnFailures(next, policy, now);
}

export function grantTo(ledger: Ledger, instance: string, granted: Package, period: number, now: number): Ledger {
  const others = ledger.underWay.filter((grant) => grant.instance !== instance);
  const grant: Grant = { instance, package: granted, grantedAt: now, progress: 'granted' };
  const recent = ledger.grantedAt.filter((time) => now - time < period);
  return { ...ledger, underWay: [...others, grant], grantedAt: [...recent, now] };
}

export function advance(ledger: Ledger, instance: string, progress: Progress): Ledger {
  const grant = grantOf(ledger, instance);
  if (!grant || grant.progress === progress) return ledger;
  return { ...ledger, underWay: ledger.underWay.map((one) => (one === grant ? { ...one, progress } : one)) };
}

/** An instance that is kept waiting for its turn to reboot isn't slow. Noted rarely, since hosts ask often: the timeout is exact to a quarter. */
export function waits(ledger: Ledger, instance: string, { timeout }: Policy, now: number): Ledger {
  const grant = grantOf(ledger, instance);
  if (!grant || now - (grant.waitedAt ?? grant.grantedAt) < timeout / 4) return ledger;
  return { ...ledger, underWay: ledger.underWay.map((one) => (one === grant ? { ...one, waitedAt: now } : one)) };
}

/** Counts only what reached the target: a floor on the way proves nothing about it. */
export function complete(ledger: Ledger, instance: string, version: string): Ledger {
  return { ...without(ledger, instance), completed: ledger.completed + (isAim(ledger.version, version) ? 1 : 0) };
}

export function fail(ledger: Ledger, instance: string, policy: Policy, now: number): Ledger {
  const next = { ...without(ledger, instance), failed: ledger.failed + 1 };
  if (policy.safeMode && next.completed === 0) return halt(next, 'FirstUpdateFailed', now);
  return haltOnFailures(next, policy, now);
}

export function halt(ledger: Ledger, reason: HaltReason, now: number): Ledger {
  return ledger.halted ? ledger : { ...ledger, halted: { reason, at: now } };
}

/** A person has looked: the counts that led to the halt start anew, and so does the first attempt of safe mode. */
export function resume(ledger: Ledger, unready = 0): Ledger {
  return { ...ledger, halted: undefined, failed: 0, unreadyBefore: unready };
}

/** Frees an instance's slot without a word on how it went. */
export function without(ledger: Ledger, instance: string): Ledger {
  if (!grantOf(ledger, instance)) return ledger;
  return { ...ledger, underWay: ledger.underWay.filter((grant) => grant.instance !== instance) };
}

export function grantOf(ledger: Ledger, instance: string): Grant | undefined {
  return ledger.underWay.find((grant) => grant.instance === instance);
}

function haltOnFailures(ledger: Ledger, { halt: rule }: Policy, now: number): Ledger {
  const finished = ledger.failed + ledger.completed;
  if (!rule || finished < rule.afterFinished || ledger.failed * 100 <= rule.failedPercent * finished) return ledger;
  return halt(ledger, 'TooManyFailures', now);
}
