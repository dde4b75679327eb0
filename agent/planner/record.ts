import { backoffAfterStart } from './backoff.ts';
import type { ContainerMemory } from './memory.ts';

/** What the memory of a container becomes when it is started. */
export interface Started {
  readonly attempt: number;
  readonly bootId: string;
  readonly containerId: string;
  /** ms since the epoch. */
  readonly now: number;
}

export function recordStarted(memory: ContainerMemory, { attempt, bootId, containerId, now }: Started): void {
  const backoffMs = backoffAfterStart(memory);
  if (memory.ended) memory.before = memory.ended;
  delete memory.ended;
  delete memory.blocked;
  Object.assign(memory, { attempt, backoffMs, startedBoot: bootId, containerId, startedAt: now });
}

/**
 * The engine made the container and could not run it. That counts as a run that failed: the next try waits as after a crash,
 * and with a policy of Never it was the only one.
 */
export function recordStartError(memory: ContainerMemory, started: Started, message: string): void {
  recordStarted(memory, started);
  const { now, containerId } = started;
  memory.ended = { exitCode: 128, reason: 'StartError', message, startedAt: now, finishedAt: now, containerId };
}
