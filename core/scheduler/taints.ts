import type { Taint } from '../resources/schema/node.ts';
import type { Toleration } from '../resources/schema/pod.ts';

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.operator === 'Exists') return !toleration.key || toleration.key === taint.key;
  return toleration.key === taint.key && (toleration.value ?? '') === (taint.value ?? '');
}

/** The first taint that keeps new pods away and isn't tolerated. */
export function untoleratedTaint(tolerations: readonly Toleration[] = [], taints: readonly Taint[] = []): Taint | undefined {
  return taints.find(
    (taint) => taint.effect !== 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

/** How many taints would rather not have the pod. */
export function softTaints(tolerations: readonly Toleration[] = [], taints: readonly Taint[] = []): number {
  return taints.filter(
    (taint) => taint.effect === 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint)),
  ).length;
}
