import type { Blocked, ContainerMemory } from './memory.ts';

/** Kubernetes' numbers: a first restart at once, then 10 s doubling to 5 min; forgiven after 10 min of running. */
const FIRST_MS = 10_000;
export const LONGEST_MS = 300_000;
const FORGIVEN_AFTER_MS = 600_000;

/** When a container that ended may start again, ms since the epoch. */
export function restartAt(memory: ContainerMemory): number {
  if (!memory.ended) return 0;
  return ranLong(memory) ? memory.ended.finishedAt : memory.ended.finishedAt + memory.backoffMs;
}

/** What to wait after the end that follows the start which is made now. */
export function backoffAfterStart(memory: ContainerMemory): number {
  // The very first start is none again: the first restart comes at once.
  if (!memory.ended) return memory.attempt < 0 ? 0 : memory.backoffMs;
  if (memory.backoffMs === 0 || ranLong(memory)) return FIRST_MS;
  return Math.min(memory.backoffMs * 2, LONGEST_MS);
}

function ranLong({ ended }: ContainerMemory): boolean {
  return ended?.startedAt !== undefined && ended.finishedAt - ended.startedAt >= FORGIVEN_AFTER_MS;
}

/** A start that failed before there was anything to run: the next try is as far off as many failures are behind. */
export function blockedAfter(previous: Blocked | undefined, reason: string, message: string, now: number): Blocked {
  const failures = previous?.reason === reason ? previous.failures + 1 : 1;
  return { reason, message, failures, retryAt: now + Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS) };
}
