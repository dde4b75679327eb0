import type { Node, Taint } from '../../resources/schema/node.ts';
import type { Pod } from '../../resources/schema/pod.ts';
import { tolerates } from '../../scheduler/taints.ts';
import { findCondition } from '../conditions.ts';
import { Draft } from '../draft.ts';
import { isFinished } from '../pod-state.ts';
import { settingsOf } from '../settings.ts';
import { parseTime } from '../time.ts';
import type { ClusterState, Controller } from '../types.ts';
import { isOurs, UNREACHABLE } from './taints.ts';

/** Takes pods off nodes that are gone or that have NoExecute taints, each after its time. Their owners then replace them. */
export const evictionController: Controller = {
  name: 'eviction-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    const { evictionSeconds } = settingsOf(state);
    const refugeSince = refuge(state);
    draft.forEach(state.list('Node'), (node) => {
      const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
      if (taints.length === 0) return;
      const unreachable = taints.some(({ key }) => key === UNREACHABLE);
      for (const pod of state.podsOn(node.metadata.name)) {
        const due = Math.min(...taints.map((taint) => dueAt(pod, taint, evictionSeconds, refugeSince)));
        if (due > now) draft.wakeAt(due);
        else evict(draft, pod, unreachable);
      }
    });
    draft.forEach(state.list('Pod'), (pod) => removeFromNowhere(state, draft, pod));
    return draft.finish();
  },
};

/**
 * Since when there is a healthy node, ms since the epoch; Infinity if there is none. With nowhere to go pods stay where they
 * are: a cluster that is cut off as a whole must not be emptied, and once hosts come back each gets its full time again.
 */
function refuge(state: ClusterState): number {
  const since = state.list('Node').map((node: Node) => {
    const ready = findCondition(node.status?.conditions, 'Ready');
    return ready?.status === 'True' ? (parseTime(ready.lastTransitionTime) ?? 0) : Infinity;
  });
  return Math.min(...since);
}

/** When the taint drives the pod away, ms since the epoch; Infinity = never. */
function dueAt(pod: Pod, taint: Taint, evictionSeconds: number, refugeSince: number): number {
  const matching = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
  const limits = matching.flatMap(({ tolerationSeconds }) =>
    tolerationSeconds === undefined ? [] : [Math.max(0, tolerationSeconds)],
  );
  if (matching.length > 0 && limits.length === 0) return Infinity;
  const seconds = matching.length > 0 ? Math.min(...limits) : isOurs(taint) ? evictionSeconds : 0;
  const since = parseTime(taint.timeAdded) ?? Infinity;
  return (isOurs(taint) ? Math.max(since, refugeSince) : since) + seconds * 1000;
}

function evict(draft: Draft, pod: Pod, unreachable: boolean): void {
  const { namespace, name, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (isFinished(pod) && !deletionTimestamp) return;
  if (!unreachable && deletionTimestamp) return;
  if (deletionTimestamp && deletionGracePeriodSeconds === 0) return;
  // A host that doesn't answer can't confirm that the pod has ended. It stopped it by itself (its lease ran out), or is gone.
  draft.delete(pod, unreachable ? { gracePeriodSeconds: 0 } : {});
  const why = unreachable
    ? `Node ${pod.spec.nodeName} is unreachable`
    : `Node ${pod.spec.nodeName} has a taint that the pod doesn't tolerate (any longer)`;
  draft.because(pod, 'Warning', 'TaintManagerEviction', `${why}: marking for deletion Pod ${namespace}/${name}`);
}

/** The node was removed: no host will ever report what became of its pods. */
function removeFromNowhere(state: ClusterState, draft: Draft, pod: Pod): void {
  const { nodeName } = pod.spec;
  if (!nodeName || state.get('Node', '', nodeName)) return;
  if (pod.metadata.deletionTimestamp && pod.metadata.deletionGracePeriodSeconds === 0) return;
  draft.delete(pod, { gracePeriodSeconds: 0 });
  draft.because(pod, 'Warning', 'NodeRemoved', `Node ${nodeName} no longer exists`);
}
