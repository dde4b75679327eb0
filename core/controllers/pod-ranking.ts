import type { Pod } from '../resources/schema/pod.ts';
import { availableAt, isReady, readySince } from './pod-state.ts';

/**
 * The order in which a ReplicaSet gives up its pods: those that serve least come first, so that scaling down takes from
 * what works only when nothing else is left. Ties end with the name, so that the order is always the same.
 */
export function byLeastLoss(pods: readonly Pod[], minReadySeconds: number, now: number): Pod[] {
  const together = new Map<string, number>();
  for (const { spec } of pods) if (spec.nodeName) together.set(spec.nodeName, (together.get(spec.nodeName) ?? 0) + 1);
  const ranked = pods.map((pod) => ({ pod, rank: rankOf(pod, minReadySeconds, together, now) }));
  return ranked
    .sort((a, b) => compare(a.rank, b.rank) || (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1))
    .map(({ pod }) => pod);
}

/** Smaller goes first. */
function rankOf(pod: Pod, minReadySeconds: number, together: ReadonlyMap<string, number>, now: number): number[] {
  const { spec, status, metadata } = pod;
  return [
    // First of all: a rolling update counts on it that what is available is taken last.
    (availableAt(pod, minReadySeconds) ?? Infinity) <= now ? 1 : 0,
    spec.nodeName ? 1 : 0,
    status?.phase === 'Running' ? 2 : status?.phase === 'Unknown' ? 1 : 0,
    isReady(pod) ? 1 : 0,
    -(spec.nodeName ? together.get(spec.nodeName)! : 0),
    -(readySince(pod) ?? 0),
    -restarts(pod),
    -Date.parse(metadata.creationTimestamp),
  ];
}

function restarts({ status }: Pod): number {
  return (status?.containerStatuses ?? []).reduce((most, { restartCount }) => Math.max(most, restartCount), 0);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
