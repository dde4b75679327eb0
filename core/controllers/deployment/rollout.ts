import { rollingUpdateBounds } from '../../resources/int-or-percent.ts';
import type { Deployment } from '../../resources/schema/deployment.ts';
import type { Pod } from '../../resources/schema/pod.ts';
import type { ReplicaSet } from '../../resources/schema/replica-set.ts';
import { availableAt, isActive, isFinished, isReady } from '../pod-state.ts';
import type { ClusterState } from '../types.ts';

/** What a Deployment's next step depends on: its ReplicaSets, each with its pods counted, and the bounds it must keep. */
export interface Rollout {
  readonly deployment: Deployment;
  /** What spec.replicas asks for. */
  readonly wanted: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  /** The one whose template is the Deployment's, if there is one yet. */
  readonly current: CountedSet | undefined;
  /** The others, oldest first. */
  readonly old: readonly CountedSet[];
}

/** Counted on the pods themselves: a ReplicaSet's status may be one step behind. */
export interface CountedSet {
  readonly set: ReplicaSet;
  /** What its spec asks for. */
  readonly replicas: number;
  /** Pods that it has. Differs from `replicas` while the ReplicaSet's controller hasn't caught up. */
  readonly active: number;
  readonly ready: number;
  readonly available: number;
  /** Pods that may still run: active ones and those on their way out. */
  readonly alive: number;
}

export function rolloutOf(deployment: Deployment, current: CountedSet | undefined, old: readonly CountedSet[]): Rollout {
  const wanted = deployment.spec.replicas ?? 1;
  const recreate = deployment.spec.strategy?.type === 'Recreate';
  const bounds = rollingUpdateBounds(deployment.spec.strategy?.rollingUpdate, wanted);
  return {
    deployment,
    wanted,
    maxSurge: recreate ? 0 : bounds.maxSurge,
    maxUnavailable: recreate ? 0 : bounds.maxUnavailable,
    current,
    old,
  };
}

export function countPods(state: ClusterState, set: ReplicaSet, minReadySeconds: number, now: number): CountedSet {
  const pods = state.ownedBy('Pod', set.metadata.uid);
  const active = pods.filter(isActive);
  return {
    set,
    replicas: set.spec.replicas ?? 1,
    active: active.length,
    ready: active.filter(isReady).length,
    available: active.filter((pod: Pod) => (availableAt(pod, minReadySeconds) ?? Infinity) <= now).length,
    alive: pods.filter((pod) => !isFinished(pod)).length,
  };
}

export function allSets({ current, old }: Rollout): readonly CountedSet[] {
  return current ? [...old, current] : old;
}

export function sum(sets: readonly CountedSet[], count: (set: CountedSet) => number): number {
  return sets.reduce((total, set) => total + count(set), 0);
}
