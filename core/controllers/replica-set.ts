import { isFenced } from '../node/fencing.ts';
import { equalJson } from '../resources/equal.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { ReplicaSet } from '../resources/schema/replica-set.ts';
import { matchesSelector } from '../resources/selectors.ts';
import { suffix } from './digest.ts';
import { Draft } from './draft.ts';
import { claim, controllerReference } from './ownership.ts';
import { byLeastLoss } from './pod-ranking.ts';
import { availableAt, isActive, isFinished, isReady } from './pod-state.ts';
import type { ClusterState, Controller, NewResource } from './types.ts';

/** Pods made at once. Then they are placed, and then come more: a large ReplicaSet must not keep all others waiting. */
const BURST = 200;

/** While so many of its pods have no node, it makes no more: `replicas: 2000000000` must not fill the log with pods that fit nowhere. */
const UNPLACED_MAX = 500;

/** Keeps as many pods as each ReplicaSet asks for, and counts them in its status. */
export const replicaSetController: Controller = {
  name: 'replicaset-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    draft.forEach(state.list('ReplicaSet'), (replicaSet) => reconcile(state, draft, replicaSet, now));
    return draft.finish();
  },
};

function reconcile(state: ClusterState, draft: Draft, replicaSet: ReplicaSet, now: number): void {
  const active = claim(state, draft, replicaSet, 'Pod', isActive).filter(isActive);
  if (!replicaSet.metadata.deletionTimestamp && !isTerminating(state, replicaSet.metadata.namespace)) {
    const missing = (replicaSet.spec.replicas ?? 1) - active.length - stillEnding(state, replicaSet);
    const unplaced = active.filter((pod) => !pod.spec.nodeName).length;
    if (missing > 0) createPods(state, draft, replicaSet, Math.min(missing, BURST, Math.max(0, UNPLACED_MAX - unplaced)));
    const surplus = active.length - (replicaSet.spec.replicas ?? 1);
    if (surplus > 0) deletePods(draft, replicaSet, active, surplus, now);
  }
  const status = statusOf(replicaSet, active, draft, now);
  if (!equalJson(status, replicaSet.status)) draft.updateStatus({ ...replicaSet, status });
}

/** Fenced pods on their way out: each holds its place until it has ended, or two would run at once. */
function stillEnding(state: ClusterState, { metadata }: ReplicaSet): number {
  const ending = (pod: Pod) => isFenced(pod) && pod.metadata.deletionTimestamp !== undefined && !isFinished(pod);
  return state.ownedBy('Pod', metadata.uid).filter(ending).length;
}

function isTerminating(state: ClusterState, namespace = ''): boolean {
  return state.get('Namespace', '', namespace)?.metadata.deletionTimestamp !== undefined;
}

function createPods(state: ClusterState, draft: Draft, replicaSet: ReplicaSet, count: number): void {
  const { namespace = '' } = replicaSet.metadata;
  const taken = new Set<string>();
  for (let index = 0; taken.size < count; index++) {
    const name = podName(replicaSet, state.revision, index);
    if (taken.has(name) || state.get('Pod', namespace, name)) continue;
    taken.add(name);
    draft.create(podFrom(replicaSet, name));
    draft.because(replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${name}`);
  }
}

/** "Random" but decided: the revision makes names of pods that are gone unlikely to come back. */
function podName(replicaSet: ReplicaSet, revision: number, index: number): string {
  return `${namePrefix(replicaSet)}${suffix(`${replicaSet.metadata.uid}/${revision}/${index}`, 5)}`;
}

/** The whole name fits a DNS label, because it becomes the pod's host name. */
function namePrefix(replicaSet: ReplicaSet): string {
  return `${replicaSet.metadata.name}-`.slice(0, 58);
}

function podFrom(replicaSet: ReplicaSet, name: string): NewResource<Pod> {
  const { metadata, spec } = replicaSet.spec.template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: namePrefix(replicaSet),
      namespace: replicaSet.metadata.namespace,
      ...(metadata?.labels && { labels: metadata.labels }),
      ...(metadata?.annotations && { annotations: metadata.annotations }),
      ...(metadata?.finalizers && { finalizers: metadata.finalizers }),
      ownerReferences: [controllerReference(replicaSet)],
    },
    spec,
  };
}

function deletePods(draft: Draft, replicaSet: ReplicaSet, active: readonly Pod[], count: number, now: number): void {
  for (const pod of byLeastLoss(active, replicaSet.spec.minReadySeconds ?? 0, now).slice(0, count)) {
    draft.delete(pod);
    draft.because(replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
  }
}

function statusOf(replicaSet: ReplicaSet, active: readonly Pod[], draft: Draft, now: number): ReplicaSet['status'] {
  const { minReadySeconds = 0, template } = replicaSet.spec;
  const selector = { matchLabels: template.metadata?.labels ?? {} };
  let available = 0;
  for (const pod of active) {
    const at = availableAt(pod, minReadySeconds);
    if (at === undefined) continue;
    if (at <= now) available++;
    else draft.wakeAt(at);
  }
  return {
    ...replicaSet.status,
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => matchesSelector(selector, pod.metadata.labels)).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: available,
    observedGeneration: replicaSet.metadata.generation ?? 0,
  };
}
