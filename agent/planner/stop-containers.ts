import type { PodPlan } from './plan.ts';
import { containerKey, step } from './steps.ts';

export interface Stopping {
  /** What is still there then is killed, ms since the epoch; undefined: never because of the time. */
  readonly killAt: number | undefined;
  /** Seconds that a container has for stopping, from now on. */
  readonly graceSeconds: number;
  readonly reason: string;
  readonly message: (container: string) => string;
}

/** Stops all of a pod's containers, starts under way too, and kills those that take too long. True while something is left to wait for. */
export function stopContainers({ input, memory, own, add, wakeAt }: PodPlan, stopping: Stopping): boolean {
  const { killAt, graceSeconds, reason, message } = stopping;
  const uid = memory.pod.metadata.uid;
  const { initContainers = [], containers } = memory.pod.spec;
  let open = false;
  for (const { name } of [...initContainers, ...containers]) {
    const key = containerKey(uid, name);
    const running = own.filter((c) => c.container === name && c.state === 'running');
    if (!input.busy.has(key)) {
      for (const { id } of running)
        add(step('stopContainer', uid, { container: name, id, graceSeconds, reason, message: message(name) }));
    } else if (running.length === 0) {
      add(step('cancelStep', uid, { cancel: key }));
    } else if (killAt !== undefined && input.now > killAt) {
      // The stop under way was promised more time than the pod now has.
      for (const { id } of running) add(step('killContainer', uid, { container: name, id }));
    } else if (killAt !== undefined) {
      wakeAt(killAt + 1);
    }
    if (running.length > 0 || input.busy.has(key)) open = true;
  }
  return open;
}
