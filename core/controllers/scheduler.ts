import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import { explainRefusals } from '../scheduler/explain.ts';
import { placeLeastAllocated } from '../scheduler/least-allocated.ts';
import { amountsOf, podRequests } from '../scheduler/requests.ts';
import type { Place, Placement } from '../scheduler/types.ts';
import { withCondition } from './conditions.ts';
import { Draft } from './draft.ts';
import { isFinished, podCondition } from './pod-state.ts';
import type { ClusterState, Controller } from './types.ts';

const SCHEDULER_NAME = 'default-scheduler';

/** Binds pods to nodes, and tells of those that fit nowhere why. */
export function schedulerController(place: Place = placeLeastAllocated): Controller {
  return {
    name: SCHEDULER_NAME,
    decide(state, now) {
      const draft = new Draft(SCHEDULER_NAME, now);
      const pending: Pod[] = [];
      draft.forEach(state.list('Pod'), (pod) => {
        if (!isPending(pod)) return;
        podRequests(pod); // Throws for a quantity that can't be read: that pod is left out, not the whole batch.
        pending.push(pod);
      });
      if (pending.length === 0) return draft.finish();
      const { nodes, bound } = readable(state, draft);
      for (const placement of place({ nodes, bound, pending: inOrder(pending) })) {
        if (placement.nodeName === undefined) explain(draft, placement, nodes.length, now);
        else bind(draft, placement, now);
      }
      return draft.finish();
    },
  };
}

function isPending({ spec, metadata, status }: Pod): boolean {
  if (spec.nodeName || metadata.deletionTimestamp || (status?.phase ?? 'Pending') !== 'Pending') return false;
  return (spec.schedulerName || SCHEDULER_NAME) === SCHEDULER_NAME;
}

/** Nodes, and the pods that hold room on them. A node whose amounts can't be read takes no pods, and says so. */
function readable(state: ClusterState, draft: Draft): { nodes: Node[]; bound: Pod[] } {
  const nodes: Node[] = [];
  const bound: Pod[] = [];
  draft.forEach(state.list('Node'), (node) => {
    amountsOf(node.status?.allocatable ?? node.status?.capacity, 'down');
    nodes.push(node);
  });
  for (const { metadata } of nodes) {
    draft.forEach(state.podsOn(metadata.name), (pod) => {
      if (isFinished(pod)) return;
      podRequests(pod);
      bound.push(pod);
    });
  }
  return { nodes, bound };
}

/** Important ones first, then who waits longest. */
function inOrder(pods: readonly Pod[]): Pod[] {
  const age = ({ metadata }: Pod) => `${metadata.creationTimestamp} ${metadata.namespace}/${metadata.name}`;
  return [...pods].sort((a, b) => (b.spec.priority ?? 0) - (a.spec.priority ?? 0) || (age(a) < age(b) ? -1 : 1));
}

function bind(draft: Draft, { pod, nodeName }: Placement & { nodeName: string }, now: number): void {
  const conditions = withCondition(pod.status?.conditions, { type: 'PodScheduled', status: 'True' }, now);
  draft.updateAll({ ...pod, spec: { ...pod.spec, nodeName }, status: { ...pod.status, conditions } });
  const { namespace, name } = pod.metadata;
  draft.because(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`);
}

function explain(
  draft: Draft,
  { pod, refusals }: Extract<Placement, { nodeName?: undefined }>,
  nodeCount: number,
  now: number,
): void {
  const message = explainRefusals(nodeCount, refusals);
  const before = podCondition(pod, 'PodScheduled');
  if (before?.status === 'False' && before.message === message) return;
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const;
  const conditions = withCondition(pod.status?.conditions, condition, now);
  draft.updateStatus({ ...pod, status: { ...pod.status, conditions } });
  draft.because(pod, 'Warning', 'FailedScheduling', message);
}
