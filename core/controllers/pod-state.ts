import { endpointAddressProblem } from '../network/endpoint-address.ts';
import type { Condition } from '../resources/schema/meta.ts';
import type { Pod } from '../resources/schema/pod.ts';
import { parseTime } from './time.ts';

/** Questions that several controllers ask about a pod. */

export function podCondition(pod: Pod, type: string): Condition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** Succeeded or Failed: it will never run again. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Counts as a replica: neither finished nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Since when it is ready, ms since the epoch; undefined if it isn't. */
export function readySince(pod: Pod): number | undefined {
  const ready = podCondition(pod, 'Ready');
  return ready?.status === 'True' ? (parseTime(ready.lastTransitionTime) ?? 0) : undefined;
}

/** When a ready pod becomes available (it may be so already); undefined if it isn't ready. */
export function availableAt(pod: Pod, minReadySeconds: number): number | undefined {
  const since = readySince(pod);
  return since === undefined ? undefined : since + minReadySeconds * 1000;
}

/**
 * Where it can be reached; undefined: nowhere (yet). Its host says so, and other hosts' rules are made of it: what is no address, or a
 * special one, is none.
 */
export function podAddress({ status }: Pod): string | undefined {
  const ip = status?.podIP;
  return ip !== undefined && endpointAddressProblem(ip) === undefined ? ip : undefined;
}
