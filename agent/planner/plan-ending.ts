import type { PodPlan } from './plan.ts';
import { graceSeconds } from './pod-rules.ts';
import { containerKey, step } from './steps.ts';

/**
 * A pod that must stop: its containers within its grace period, then the pause container. A pod that was deleted loses
 * everything it had; one that failed by a rule keeps its dead containers, for their logs, until it is deleted.
 */
export function planEnding(podPlan: PodPlan): void {
  const { input, memory, own, add } = podPlan;
  const uid = memory.pod.metadata.uid;
  const since = memory.ending?.since ?? input.now;
  const grace = memory.ending?.graceSeconds ?? graceSeconds(memory.pod);
  const killAt = since + grace * 1000;
  let open = false;

  for (const name of memory.pod.spec.initContainers?.concat(memory.pod.spec.containers).map((c) => c.name) ??
    memory.pod.spec.containers.map((c) => c.name)) {
    const key = containerKey(uid, name);
    const running = own.filter((c) => c.container === name && c.state === 'running');
    if (!input.busy.has(key)) {
      for (const { id } of running) {
        const seconds = Math.max(0, (killAt - input.now) / 1000);
        const message = `Stopping container ${name}`;
        add(step('stopContainer', uid, { container: name, id, graceSeconds: seconds, reason: 'Killing', message }));
      }
    } else if (running.length === 0) {
      add(step('cancelStep', uid, { cancel: key }));
    } else if (memory.ending && input.now > killAt) {
      // The stop under way was promised more time than the pod now has.
      for (const { id } of running) add(step('killContainer', uid, { container: name, id }));
    } else if (memory.ending) {
      podPlan.wakeAt(killAt + 1);
    }
    if (running.length > 0 || input.busy.has(key)) open = true;
  }
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
