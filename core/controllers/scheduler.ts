import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import { explainRefusals } from '../scheduler/explain.ts';
import { endsBy } from '../scheduler/pods/ends-by.ts';
import { oldestFirst } from '../scheduler/pods/oldest-first.ts';
import { placePods } from '../scheduler/pods/place-pods.ts';
import { amountsOf, podRequests } from '../scheduler/requests.ts';
import type { Budget, Place, Placement, PlacementInput } from '../scheduler/types.ts';
import { withCondition } from './conditions.ts';
import { covers } from './disruption.ts';
import { currentDisruptions } from './disruption-budget.ts';
import { Draft } from './draft.ts';
import { isFinished, podCondition } from './pod-state.ts';
import { SETTINGS_NAME, SETTINGS_NAMESPACE } from './settings.ts';
import type { ClusterState, Controller } from './types.ts';
import { takenByUnits } from './units/machines.ts';

const SCHEDULER_NAME = 'default-scheduler';

/** Binds pods to nodes, and tells of those that fit nowhere why. */
export function schedulerController(place: Place = placePods): Controller {
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
      const input = { nodes, bound, pending: oldestFirst(pending), now, ...surroundings(state, bound, draft) };
      for (const placement of place(input)) {
        if (placement.nodeName === undefined) wait(draft, placement, nodes.length, now);
        else bind(draft, placement, now);
        if (placement.nodeName === undefined && placement.nominated)
          for (const pod of state.podsOn(placement.nominated.nodeName)) draft.wakeAt(endsBy(pod) ?? 0);
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
    nodes.push(besideUnits(state, node));
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

/** The node as it is for pods: without what units take of it. Throws if its amounts can't be read. */
function besideUnits(state: ClusterState, node: Node): Node {
  const given = node.status?.allocatable ?? node.status?.capacity;
  const amounts = amountsOf(given, 'down');
  const taken = takenByUnits(state, node.metadata.name);
  if (taken.size === 0) return node;
  const left = (name: string) => Math.max(0, (amounts.get(name) ?? 0) - (taken.get(name) ?? 0));
  const allocatable = { ...given, cpu: `${left('cpu')}m`, memory: String(left('memory')) };
  return { ...node, status: { ...node.status, allocatable } };
}

/** What else placing looks at: labels of namespaces, disruption budgets, and whether the cluster's owner wants hosts filled one by one. */
function surroundings(
  state: ClusterState,
  bound: readonly Pod[],
  draft: Draft,
): Pick<PlacementInput, 'namespaces' | 'budgets' | 'strategy'> {
  const namespaces = new Map(state.list('Namespace').map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  const budgets: Budget[] = [];
  const settings = state.get('ConfigMap', SETTINGS_NAMESPACE, SETTINGS_NAME)?.data;
  if (bound.length > 0)
    draft.forEach(state.list('PodDisruptionBudget'), (budget) => {
      const { disruptionsAllowed } = currentDisruptions(state, budget);
      budgets.push({ covers: (pod) => covers(budget, pod), allowed: disruptionsAllowed });
    });
  return { namespaces, budgets, strategy: settings?.['placement'] === 'pack' ? 'pack' : 'spread' };
}

function bind(draft: Draft, { pod, nodeName }: Placement & { nodeName: string }, now: number): void {
  const { nominatedNodeName: _, ...status } = pod.status ?? {};
  const conditions = withCondition(status.conditions, { type: 'PodScheduled', status: 'True' }, now);
  draft.updateAll({ ...pod, spec: { ...pod.spec, nodeName }, status: { ...status, conditions } });
  const { namespace, name } = pod.metadata;
  draft.because(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`);
}

/** Says why the pod waits, and makes less important pods go if a node is to be kept for it. */
function wait(
  draft: Draft,
  { pod, refusals, nominated }: Extract<Placement, { nodeName?: undefined }>,
  nodeCount: number,
  now: number,
): void {
  const message = explainRefusals(nodeCount, refusals);
  const before = podCondition(pod, 'PodScheduled');
  const { nominatedNodeName, ...status } = pod.status ?? {};
  const same = before?.status === 'False' && before.message === message;
  if (!same || nominatedNodeName !== nominated?.nodeName) {
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const;
    const conditions = withCondition(status.conditions, condition, now);
    draft.updateStatus({
      ...pod,
      status: { ...status, conditions, ...(nominated && { nominatedNodeName: nominated.nodeName }) },
    });
    draft.because(pod, 'Warning', 'FailedScheduling', message);
  }
  for (const victim of nominated?.victims ?? []) {
    draft.delete(victim);
    const { namespace, name } = pod.metadata;
    draft.because(
      victim,
      'Normal',
      'Preempted',
      `Preempted by the more important pod ${namespace}/${name} on node ${nominated!.nodeName}`,
    );
  }
}
