import { LONGEST_MS } from './backoff.ts';
import { type ContainerMemory, containerMemory, type PodMemory, type Termination } from './memory.ts';
import type { ObservedContainer } from './observed.ts';
import { containerKey } from './steps.ts';

export interface AbsorbContext {
  readonly now: number;
  readonly bootId: string;
  readonly busy: ReadonlySet<string>;
}

/**
 * Brings the memory of a pod up to what the engine shows: new attempts, how they ended, and containers that somebody removed.
 * Mutates `pod`. What isn't shown because a step is just making or ending it is left as it is.
 */
export function absorb(pod: PodMemory, own: readonly ObservedContainer[], context: AbsorbContext): void {
  forgetFuture(pod, context.now);
  for (const container of [...(pod.pod.spec.initContainers ?? []), ...pod.pod.spec.containers]) {
    const memory = containerMemory(pod, container.name);
    const latest = latestAttempt(own.filter((c) => c.container === container.name && c.kind !== 'pause'));
    if (latest && latest.attempt >= memory.attempt) absorbLatest(memory, latest, context);
    else if (memory.attempt >= 0 && !memory.ended && !context.busy.has(containerKey(pod.pod.metadata.uid, container.name))) {
      memory.ended = lost(memory, context.now);
    }
  }
}

export function latestAttempt(containers: readonly ObservedContainer[]): ObservedContainer | undefined {
  return containers.reduce<ObservedContainer | undefined>((best, c) => (best && best.attempt >= c.attempt ? best : c), undefined);
}

function absorbLatest(memory: ContainerMemory, latest: ObservedContainer, context: AbsorbContext): void {
  // Made but never started: nothing ran.
  if (latest.state === 'created') return;
  if (latest.attempt > memory.attempt) {
    if (memory.ended) memory.before = memory.ended;
    delete memory.ended;
    memory.attempt = latest.attempt;
    // Found, not started by us: if it runs, it was started in this boot; if it ended, its result still counts.
    memory.startedBoot = context.bootId;
  }
  memory.containerId = latest.id;
  memory.imageId = latest.imageId;
  if (latest.startedAt !== undefined) memory.startedAt = latest.startedAt;
  if (latest.state === 'running') delete memory.ended;
  else if (memory.ended?.containerId !== latest.id) memory.ended = termination(latest, context.now);
}

/** The host's clock was set back: what seems to lie ahead is taken as now, or all would wait for it. */
function forgetFuture(pod: PodMemory, now: number): void {
  pod.startTime = Math.min(pod.startTime, now);
  if (pod.ending) pod.ending.since = Math.min(pod.ending.since, now);
  const blocked = [pod.sandboxBlocked];
  for (const memory of Object.values(pod.containers)) {
    blocked.push(memory.blocked);
    if (memory.ended) memory.ended.finishedAt = Math.min(memory.ended.finishedAt, now);
  }
  for (const one of blocked) if (one && one.retryAt > now + LONGEST_MS) one.retryAt = now;
}

function termination(container: ObservedContainer, now: number): Termination {
  const { exitCode, oomKilled, startedAt, finishedAt, id, message } = container;
  const signal = exitCode > 128 && exitCode <= 128 + 64 ? exitCode - 128 : undefined;
  return {
    exitCode,
    ...(signal === undefined ? {} : { signal }),
    reason: oomKilled ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error',
    ...(message ? { message } : {}),
    ...(startedAt === undefined ? {} : { startedAt }),
    finishedAt: Math.min(finishedAt ?? now, now),
    containerId: id,
  };
}

function lost(memory: ContainerMemory, now: number): Termination {
  return {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container is gone from the engine: somebody else removed it.',
    ...(memory.startedAt === undefined ? {} : { startedAt: memory.startedAt }),
    finishedAt: now,
    containerId: memory.containerId ?? '',
  };
}
