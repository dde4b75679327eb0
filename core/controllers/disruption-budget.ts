import { equalJson } from '../resources/equal.ts';
import type { PodDisruptionBudget } from '../resources/schema/pod-disruption-budget.ts';
import { withCondition } from './conditions.ts';
import { type Disruptions, disruptionsOf } from './disruption.ts';
import { Draft } from './draft.ts';
import type { ClusterState, Controller } from './types.ts';

/** Shows in the status of each disruption budget what it allows. */
export const disruptionBudgetController: Controller = {
  name: 'disruption-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    draft.forEach(state.list('PodDisruptionBudget'), (budget) => {
      const disruptions = currentDisruptions(state, budget);
      const { disruptionsAllowed } = disruptions;
      const conditions = withCondition(
        budget.status?.conditions,
        {
          type: 'DisruptionAllowed',
          status: disruptionsAllowed > 0 ? 'True' : 'False',
          reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
        },
        now,
      );
      const { generation } = budget.metadata;
      const status = { ...(generation !== undefined && { observedGeneration: generation }), ...disruptions, conditions };
      if (!equalJson(status, budget.status)) draft.updateStatus({ ...budget, status });
    });
    return draft.finish();
  },
};

export function currentDisruptions(state: ClusterState, budget: PodDisruptionBudget): Disruptions {
  const pods = state.inNamespace(budget.metadata.namespace ?? '').filter((object) => object.kind === 'Pod');
  return disruptionsOf(budget, pods, (uid) => replicasWanted(state, uid));
}

/** How many pods an owner wants, if that is known. */
export function replicasWanted(state: ClusterState, ownerUid: string): number | undefined {
  const owner = state.byUid(ownerUid);
  return owner?.kind === 'ReplicaSet' ? (owner.spec.replicas ?? 1) : undefined;
}
