import type { PodPlan } from './plan.ts';
import { killByLease } from './plan-lapsed.ts';
import { graceSeconds } from './pod-rules.ts';
import { containerKey, step } from './steps.ts';
import { stopContainers } from './stop-containers.ts';

/**
 * A pod that must stop: its containers within its grace period, then the pause container. A pod that was deleted loses
 * everything it had; one that failed by a rule keeps its dead containers, for their logs, until it is deleted.
 */
export function planEnding(podPlan: PodPlan): void {
  const { input, memory, own, add } = podPlan;
  const uid = memory.pod.metadata.uid;
  const since = memory.ending?.since ?? input.now;
  const grace = memory.ending?.graceSeconds ?? graceSeconds(memory.pod);
  const killAt = Math.min(since + grace * 1000, killByLease(podPlan) ?? Number.POSITIVE_INFINITY);
  let open = stopContainers(podPlan, {
    killAt: memory.ending || killByLease(podPlan) !== undefined ? killAt : undefined,
    graceSeconds: Math.max(0, (killAt - input.now) / 1000),
    reason: 'Killing',
    message: (name) => `Stopping container ${name}`,
  });
  if (open) return;
  const pauseBusy = input.busy.has(containerKey(uid, 'POD'));
  for (const pause of own.filter((c) => c.kind === 'pause' && c.state === 'running')) {
    open = true;
    add(step('killContainer', uid, { container: pause.container, id: pause.id }));
  }
  if (open || pauseBusy || !memory.ending) return;
  for (const { container, id } of own) add(step('removeContainer', uid, { container, id }));
  const removing = [...input.busy].some((key) => key.startsWith(`${uid}/`));
  if (own.length === 0 && !removing) add(step('cleanPod', uid, {}));
}
