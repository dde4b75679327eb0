import { createHash } from 'node:crypto';
import type { Container, Pod } from '../../core/resources/schema/pod.ts';
import type { ContainerMemory, PodMemory, Termination } from './memory.ts';

/** Questions about a pod that the planner and the status ask alike. */

const DEFAULT_GRACE_SECONDS = 30;

/** Does it take a pause container? Only where containers share a network of their own, or must know its address beforehand. */
export function needsSandbox(pod: Pod): boolean {
  if (pod.spec.hostNetwork) return false;
  return pod.spec.containers.length > 1 || [...(pod.spec.initContainers ?? []), ...pod.spec.containers].some(asksPodIp);
}

function asksPodIp(container: Container): boolean {
  return (container.env ?? []).some(({ valueFrom }) => /^status\.podIPs?$/.test(valueFrom?.fieldRef?.fieldPath ?? ''));
}

/** Seconds that the pod may take to stop. */
export function graceSeconds(pod: Pod): number {
  return pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
}

/** Does a container that ended so run again by the pod's restart policy? */
export function restarts(pod: Pod, ended: Termination): boolean {
  switch (pod.spec.restartPolicy ?? 'Always') {
    case 'Always':
      return true;
    case 'OnFailure':
      return ended.exitCode !== 0;
    case 'Never':
      return false;
  }
}

/** An init container that is done: it succeeded, and in this boot (what it set up may not outlive a reboot). */
export function initSucceeded(memory: ContainerMemory | undefined, bootId: string): boolean {
  return memory?.ended?.exitCode === 0 && (memory.startedBoot === undefined || memory.startedBoot === bootId);
}

/** An init container failed and its pod's policy has no further try. */
function initFailed(pod: PodMemory): boolean {
  return (
    pod.pod.spec.restartPolicy === 'Never' &&
    (pod.pod.spec.initContainers ?? []).some(({ name }) => (pod.containers[name]?.ended?.exitCode ?? 0) !== 0)
  );
}

/** All containers ended and none will run again: the pod has succeeded or failed for good. */
export function isFinished(pod: PodMemory): boolean {
  if (pod.failed || initFailed(pod)) return true;
  return pod.pod.spec.containers.every(({ name }) => {
    const ended = pod.containers[name]?.ended;
    return ended !== undefined && !restarts(pod.pod, ended);
  });
}

/** Changes when a running container no longer is what the pod asks for. Of a pod's containers only the image can change. */
export function specHash(container: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([container.name, container.image]))
    .digest('hex')
    .slice(0, 16);
}
