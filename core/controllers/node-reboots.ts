import { isDrained } from '../node/drain.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import { markOf, type RebootMark, takesWorkAgain, toLeave, unmarked } from '../updates/reboot-mark.ts';
import { findCondition } from './conditions.ts';
import { budgetAgainst } from './disruption.ts';
import { replicasWanted } from './disruption-budget.ts';
import { Draft } from './draft.ts';
import type { ClusterState, Controller } from './types.ts';

/** A heartbeat that says nothing new may wake nobody. */
const LOOK_MS = 60_000;

/**
 * Empties nodes that wait for their reboot, as far as disruption budgets allow, and uncordons those that are well again after it. Who may reboot
 * is decided elsewhere (core/updates/reboot-lock.ts), which marks the nodes.
 */
export const nodeRebootController: Controller = {
  name: 'reboot-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    /** What this decision evicts: budgets have to count it. */
    const leaving = new Set<string>();
    draft.forEach(state.list('Node'), (node) => {
      const mark = markOf(node);
      if (!mark || node.metadata.deletionTimestamp) return;
      if (!state.list('UpdateGroup').some(({ metadata }) => metadata.uid === mark.group)) uncordon(draft, node, mark);
      else if (mark.state === 'draining') drain(state, draft, node, leaving);
      else if (mark.state === 'returning') comeBack(state, draft, node, mark, now);
    });
    return draft.finish();
  },
};

function drain(state: ClusterState, draft: Draft, node: Node, leaving: Set<string>): void {
  for (const pod of toLeave(state.podsOn(node.metadata.name))) {
    if (pod.metadata.deletionTimestamp || leaving.has(pod.metadata.uid)) continue;
    // One that has to wait is asked about again when the cluster has changed: nothing else would let it go.
    if (isHeld(state, pod, leaving)) continue;
    leaving.add(pod.metadata.uid);
    draft.delete(pod);
    const { namespace, name } = pod.metadata;
    draft.because(
      pod,
      'Normal',
      'EvictedForReboot',
      `Node ${node.metadata.name} is to reboot: evicting Pod ${namespace}/${name}`,
    );
  }
}

function isHeld(state: ClusterState, pod: Pod, leaving: ReadonlySet<string>): boolean {
  const namespace = pod.metadata.namespace ?? '';
  const budgets = state.list('PodDisruptionBudget').filter(({ metadata }) => metadata.namespace === namespace);
  if (budgets.length === 0) return false;
  const pods = state
    .inNamespace(namespace)
    .filter((object) => object.kind === 'Pod')
    .map((one) => (leaving.has(one.metadata.uid) ? ending(one) : one));
  return budgetAgainst(pod, budgets, pods, (uid) => replicasWanted(state, uid)) !== undefined;
}

const ending = (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'now' } });

/**
 * "Ready" may still be from before the reboot: it counts if the host has booted anew since, or was heard of since it gave its slot
 * back (functions/reconcile/awaited.ts takes any report of such a node for news).
 */
function comeBack(state: ClusterState, draft: Draft, node: Node, mark: RebootMark, now: number): void {
  const ready = findCondition(node.status?.conditions, 'Ready')?.status === 'True';
  const rebooted = node.status?.nodeInfo !== undefined && node.status.nodeInfo.bootID !== mark.bootId;
  const heard = (state.heartbeats.get(node.metadata.name)?.at ?? 0) >= mark.at;
  if (ready && (rebooted || heard)) uncordon(draft, node, mark);
  else draft.wakeAt(now + LOOK_MS);
}

function uncordon(draft: Draft, node: Node, mark: RebootMark): void {
  draft.update(unmarked(node, mark));
  const why = isDrained(node) ? 'a person drains it' : 'as it was before';
  const words = takesWorkAgain(node, mark) ? 'takes pods again' : `stays cordoned, ${why}`;
  draft.because(node, 'Normal', 'BackFromReboot', `Node ${node.metadata.name} ${words}`);
}
