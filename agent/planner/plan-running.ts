import type { Container } from '../../core/resources/schema/pod.ts';
import { latestAttempt } from './absorb.ts';
import { restartAt } from './backoff.ts';
import { containerMemory } from './memory.ts';
import type { ObservedContainer } from './observed.ts';
import type { PodPlan } from './plan.ts';
import { graceSeconds, initSucceeded, isFinished, needsSandbox, restarts, specHash } from './pod-rules.ts';
import { containerKey, step } from './steps.ts';

/** A pod that should run: network first, then init containers one after the other, then all others at once. */
export function planRunning(podPlan: PodPlan): void {
  const { input, memory, own, add } = podPlan;
  const { pod } = memory;
  const uid = pod.metadata.uid;

  if (pod.spec.activeDeadlineSeconds !== undefined) {
    const deadline = memory.startTime + pod.spec.activeDeadlineSeconds * 1000;
    if (input.now >= deadline && !isFinished(memory)) {
      add(
        step('failPod', uid, {
          reason: 'DeadlineExceeded',
          message: 'Pod was active on the node longer than the specified deadline',
        }),
      );
      return;
    }
    podPlan.wakeAt(deadline);
  }
  removeOld(podPlan);
  if (isFinished(memory)) {
    if (own.every((c) => c.kind === 'pause' || c.state !== 'running')) killPauses(podPlan);
    return;
  }
  refreshVolumes(podPlan);

  const sandbox = needsSandbox(pod) ? planSandbox(podPlan) : 'none';
  if (sandbox === 'pending') return;
  const sandboxId = sandbox === 'none' ? undefined : sandbox.id;

  if (!planInit(podPlan, sandboxId)) return;
  for (const container of pod.spec.containers) planContainer(podPlan, container, 'main', sandboxId);
}

/** The pause container to join; `pending` while there is none and containers must wait. */
function planSandbox({ input, memory, own, add, wakeAt }: PodPlan): ObservedContainer | 'pending' {
  const uid = memory.pod.metadata.uid;
  const pauses = own.filter((c) => c.kind === 'pause');
  const running = latestAttempt(pauses.filter((c) => c.state === 'running'));
  for (const { container, id, state } of pauses) {
    if (id === running?.id) continue;
    add(state === 'running' ? step('killContainer', uid, { container, id }) : step('removeContainer', uid, { container, id }));
  }
  if (running) return running;
  // Containers that shared the lost network have none: they stop, and start anew in the next one.
  if (stopAll({ input, memory, own, add }, 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.'))
    return 'pending';
  const last = Math.max(-1, ...pauses.map((c) => c.attempt));
  const notBefore = memory.sandboxBlocked?.retryAt ?? 0;
  if (notBefore > input.now) wakeAt(notBefore);
  else if (pauses.every((c) => c.state !== 'created')) add(step('startSandbox', uid, { attempt: last + 1 }));
  return 'pending';
}

function stopAll(
  { input, memory, own, add }: Pick<PodPlan, 'input' | 'memory' | 'own' | 'add'>,
  reason: string,
  message: string,
): boolean {
  const uid = memory.pod.metadata.uid;
  const running = own.filter((c) => c.kind !== 'pause' && c.state === 'running');
  for (const { container, id } of running) {
    if (input.busy.has(containerKey(uid, container))) continue;
    add(step('stopContainer', uid, { container, id, graceSeconds: graceSeconds(memory.pod), reason, message }));
  }
  return running.length > 0;
}

/** True when the other containers may run. */
function planInit(podPlan: PodPlan, sandboxId: string | undefined): boolean {
  const { input, memory, own, add } = podPlan;
  const inits = memory.pod.spec.initContainers ?? [];
  if (inits.length === 0 || memory.initDoneBoot === input.bootId) return true;
  if (own.some((c) => c.kind === 'main' && c.state === 'running')) return true;
  for (const container of inits) {
    if (initSucceeded(memory.containers[container.name], input.bootId) && !isRunning(own, container.name)) continue;
    planContainer(podPlan, container, 'init', sandboxId);
    return false;
  }
  add(step('finishInit', memory.pod.metadata.uid, {}));
  return false;
}

function planContainer(podPlan: PodPlan, container: Container, kind: 'init' | 'main', sandboxId: string | undefined): void {
  const { input, memory, own, add } = podPlan;
  const { pod } = memory;
  const uid = pod.metadata.uid;
  const { name } = container;
  if (input.busy.has(containerKey(uid, name))) return;
  const attempts = own.filter((c) => c.container === name && c.kind !== 'pause');
  const current = latestAttempt(attempts);
  const running = attempts.filter((c) => c.state === 'running');

  if (running.length > 0) {
    const keep = current?.state === 'running' ? current : undefined;
    for (const one of running) {
      const why = one === keep ? stopReason(podPlan, one, container, sandboxId) : surplus(one);
      if (!why) continue;
      const { reason, message } = why;
      add(
        step('stopContainer', uid, {
          container: name,
          id: one.id,
          graceSeconds: why.graceSeconds ?? graceSeconds(pod),
          reason,
          message,
        }),
      );
      return;
    }
    return;
  }
  // Left over from a start that was broken off: the engine would refuse its name a second time.
  if (current?.state === 'created') {
    add(step('removeContainer', uid, { container: name, id: current.id }));
    return;
  }
  const past = containerMemory(memory, name);
  const changed = current !== undefined && current.specHash !== specHash(container);
  const again = kind === 'init' ? past.ended?.exitCode === 0 : false;
  if (past.ended && !again && !changed && !restarts(pod, past.ended)) return;
  const notBefore = Math.max(changed || again ? 0 : restartAt(past), past.blocked?.retryAt ?? 0);
  if (notBefore > input.now) {
    podPlan.wakeAt(notBefore);
    if (!past.blocked && past.announced !== past.attempt) {
      add(step('announceBackoff', uid, { container: name, attempt: past.attempt }));
    }
    return;
  }
  add(step('startContainer', uid, { container: name, kind, attempt: past.attempt + 1 }));
}

interface StopReason {
  readonly reason: string;
  readonly message: string;
  readonly graceSeconds?: number | undefined;
}

function stopReason(
  { input }: PodPlan,
  running: ObservedContainer,
  container: Container,
  sandboxId: string | undefined,
): StopReason | undefined {
  if (running.specHash !== specHash(container)) {
    return { reason: 'Killing', message: `Container ${container.name} definition changed, will be restarted` };
  }
  if (sandboxId !== undefined && running.sandbox !== sandboxId) {
    return { reason: 'SandboxChanged', message: 'Pod sandbox changed, it will be killed and re-created.' };
  }
  const unhealthy = input.unhealthy.get(running.id);
  if (unhealthy) return { reason: 'Killing', message: unhealthy.message, graceSeconds: unhealthy.graceSeconds };
  return undefined;
}

function surplus(one: ObservedContainer): StopReason {
  return {
    reason: 'Killing',
    message: `Stopping an older container of ${one.container} (attempt ${one.attempt}) that somebody started again`,
  };
}

/** Of each container the latest attempt stays, and the one before it: `logs --previous` shows that one. */
function removeOld({ memory, own, add }: PodPlan): void {
  const names = new Set(own.filter((c) => c.kind !== 'pause').map((c) => c.container));
  for (const name of names) {
    const attempts = own.filter((c) => c.container === name && c.kind !== 'pause').toSorted((a, b) => b.attempt - a.attempt);
    for (const { container, id, state } of attempts.slice(2)) {
      if (state !== 'running') add(step('removeContainer', memory.pod.metadata.uid, { container, id }));
    }
  }
}

function killPauses({ memory, own, add }: PodPlan): void {
  for (const { container, id, kind, state } of own) {
    if (kind === 'pause' && state === 'running') add(step('killContainer', memory.pod.metadata.uid, { container, id }));
  }
}

function refreshVolumes({ input, memory, own, add }: PodPlan): void {
  const uid = memory.pod.metadata.uid;
  const versions = input.volumes.get(uid);
  if (
    versions &&
    versions.written !== versions.wanted &&
    (versions.written !== undefined || own.some((c) => c.state === 'running'))
  ) {
    add(step('refreshVolumes', uid, { version: versions.wanted }));
  }
}

function isRunning(own: readonly ObservedContainer[], name: string): boolean {
  return own.some((c) => c.container === name && c.state === 'running');
}
