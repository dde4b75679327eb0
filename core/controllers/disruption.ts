import { resolveIntOrPercent } from '../resources/int-or-percent.ts';
import { matchesSelector } from '../resources/selectors.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { PodDisruptionBudget } from '../resources/schema/pod-disruption-budget.ts';
import { isFinished, isReady } from './pod-state.ts';

/** What a disruption budget allows now. https://kubernetes.io/docs/tasks/run-application/configure-pdb/ */
export interface Disruptions {
  /** Pods that should be there: as many as their owners want, if percentages or maxUnavailable ask for that. */
  readonly expectedPods: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly disruptionsAllowed: number;
}

export function covers({ metadata, spec }: PodDisruptionBudget, pod: Pod): boolean {
  return pod.metadata.namespace === metadata.namespace && matchesSelector(spec.selector, pod.metadata.labels);
}

/** `pods`: at least those of its namespace. `wanted`: how many pods the owner with this uid wants; undefined = not known. */
export function disruptionsOf(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  wanted: (ownerUid: string) => number | undefined,
): Disruptions {
  const covered = pods.filter((pod) => covers(budget, pod) && !isFinished(pod));
  const { minAvailable, maxUnavailable } = budget.spec;
  const scale = scaleOf(covered, wanted);
  const byScale = maxUnavailable !== undefined || typeof minAvailable === 'string';
  const expectedPods = byScale ? scale : covered.length;
  const desiredHealthy =
    maxUnavailable !== undefined
      ? Math.max(0, expectedPods - resolveIntOrPercent(maxUnavailable, expectedPods, 'up'))
      : resolveIntOrPercent(minAvailable ?? 0, expectedPods, 'up');
  const currentHealthy = covered.filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp).length;
  return {
    expectedPods,
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed: expectedPods === 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy),
  };
}

/** What keeps a pod from being evicted, as a sentence; undefined: nothing. What runs nowhere, has ended or is ending already may always go. */
export function budgetAgainst(
  pod: Pod,
  budgets: readonly PodDisruptionBudget[],
  pods: readonly Pod[],
  wanted: (ownerUid: string) => number | undefined,
): string | undefined {
  if (pod.metadata.deletionTimestamp || isFinished(pod) || !pod.spec.nodeName) return undefined;
  for (const budget of budgets) {
    if (!covers(budget, pod)) continue;
    const { disruptionsAllowed, currentHealthy, desiredHealthy } = disruptionsOf(budget, pods, wanted);
    if (!isReady(pod) && (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' || currentHealthy >= desiredHealthy)) continue;
    if (disruptionsAllowed > 0) continue;
    return `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  }
  return undefined;
}

/** The owners' wishes together; a pod without an owner that says counts for itself. */
function scaleOf(pods: readonly Pod[], wanted: (ownerUid: string) => number | undefined): number {
  const owners = new Set<string>();
  let sum = 0;
  for (const { metadata } of pods) {
    const uid = metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
    const replicas = uid === undefined ? undefined : wanted(uid);
    if (uid === undefined || replicas === undefined) sum++;
    else if (!owners.has(uid)) {
      owners.add(uid);
      sum += replicas;
    }
  }
  return sum;
}
