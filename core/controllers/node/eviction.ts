import { isFenced, unreachableMark } from '../../node/fencing.ts';
import type { Node, Taint } from '../../resources/schema/node.ts';
import type { Pod } from '../../resources/schema/pod.ts';
import { tolerates } from '../../scheduler/taints.ts';
import { findCondition } from '../conditions.ts';
import { Draft } from '../draft.ts';
import { isFinished } from '../pod-state.ts';
import { type ClusterSettings, settingsOf } from '../settings.ts';
import { parseTime } from '../time.ts';
import type { ClusterState, Controller } from '../types.ts';
import { countedFrom, notAhead } from '../wait.ts';
import { leaseSecondsOf } from './last-lease.ts';
import { isOurs, UNREACHABLE } from './taints.ts';

/** Times in resources are rounded down to the second. */
const TIMESTAMP_MS = 1_000;

/** Takes pods off nodes that are gone or that have NoExecute taints, each after its time. Their owners then replace them. */
export const evictionController: Controller = {
  name: 'eviction-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    const settings = settingsOf(state);
    const refugeSince = notAhead(refuge(state), state, now);
    draft.forEach(state.list('Node'), (node) => {
      const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
      if (taints.length === 0) return;
      const unreachable = taints.some(({ key }) => key === UNREACHABLE);
      const since = ({ timeAdded }: Taint) => notAhead(parseTime(timeAdded) ?? Infinity, state, now);
      const fencedSeconds = fencedWaitSeconds(node, refugeSince, settings);
      for (const pod of state.podsOn(node.metadata.name)) {
        const seconds = isFenced(pod) && unreachable ? fencedSeconds : settings.evictionSeconds;
        const due = Math.min(...taints.map((taint) => dueAt(pod, taint, seconds, refugeSince, since(taint))));
        const safe = unreachable && isFenced(pod) ? replaceableAt(state, node, settings, now) : 0;
        const at = Math.max(due, safe);
        if (at > now) draft.wakeAt(at);
        else evict(draft, pod, unreachable);
      }
    });
    draft.forEach(state.list('Pod'), (pod) => removeFromNowhere(state, draft, pod, settings, now));
    return draft.finish();
  },
};

/**
 * Since when there is a healthy node, ms since the epoch; Infinity if there is none. With nowhere to go pods stay where they
 * are: a cluster that is cut off as a whole must not be emptied, and once hosts come back each gets its full time again.
 */
export function refuge(state: ClusterState): number {
  const since = state.list('Node').map((node: Node) => {
    const ready = findCondition(node.status?.conditions, 'Ready');
    return ready?.status === 'True' ? (parseTime(ready.lastTransitionTime) ?? 0) : Infinity;
  });
  return Math.min(...since);
}

/**
 * So long after there is a refuge fenced work stays on a host that was given up. There is none to wait for where the others were there all the time. But
 * a host that was given up while nobody was heard may be as well as who is heard first again: it has its time from then on.
 */
export function fencedWaitSeconds(node: Node, refugeSince: number, { notReadySeconds }: ClusterSettings): number {
  const givenUpAt = parseTime(unreachableMark(node)?.timeAdded) ?? Infinity;
  return refugeSince > givenUpAt ? notReadySeconds : 0;
}

/** When the taint drives the pod away, ms since the epoch; Infinity = never. */
function dueAt(pod: Pod, taint: Taint, evictionSeconds: number, refugeSince: number, since: number): number {
  const matching = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
  const limits = matching.flatMap(({ tolerationSeconds }) =>
    tolerationSeconds === undefined ? [] : [Math.max(0, tolerationSeconds)],
  );
  if (matching.length > 0 && limits.length === 0) return Infinity;
  const seconds = matching.length > 0 ? Math.min(...limits) : isOurs(taint) ? evictionSeconds : 0;
  return (isOurs(taint) ? Math.max(since, refugeSince) : since) + seconds * 1000;
}

/**
 * From when on a fenced pod or unit of a host that was given up may start elsewhere, ms since the epoch: its host has stopped it by then. Two
 * things must be so. That the host is given up stood in the log before the heartbeats were read: a report that came later found that
 * there, and renewed nothing. And the last one that may have renewed the lease is a whole host timeout ago.
 */
export function replaceableAt(state: ClusterState, node: Node, settings: ClusterSettings, now: number): number {
  if (Number(node.metadata.resourceVersion) > state.heardAsOf) return now + 1;
  const mark = unreachableMark(node);
  const heard = state.heartbeats.get(node.metadata.name);
  const renewed = heard?.at ?? countedFrom(parseTime(mark?.timeAdded) ?? now, state, now) + TIMESTAMP_MS;
  return renewed + leaseSecondsOf(state, node, settings) * 1000;
}

function evict(draft: Draft, pod: Pod, unreachable: boolean): void {
  const { namespace, name, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (isFinished(pod) && !deletionTimestamp) return;
  if (!unreachable && deletionTimestamp) return;
  if (deletionTimestamp && deletionGracePeriodSeconds === 0) return;
  // A host that doesn't answer can't confirm that the pod has ended. It stopped it by itself (its lease ran out), or is gone.
  draft.delete(pod, unreachable ? { gracePeriodSeconds: 0 } : {});
  const { nodeName } = pod.spec;
  const why = unreachable
    ? isFenced(pod)
      ? `Node ${nodeName} is unreachable, and has stopped the pod since its lease ran out`
      : `Node ${nodeName} is unreachable; if it still runs, so does the pod there, beside its replacement, until it is back`
    : `Node ${nodeName} has a taint that the pod doesn't tolerate (any longer)`;
  draft.because(pod, 'Warning', 'TaintManagerEviction', `${why}: marking for deletion Pod ${namespace}/${name}`);
}

/**
 * The node was removed: no host will ever report what became of its pods. A fenced one may still have a lease if its Node went without
 * waiting for that (somebody took its finalizer away).
 */
function removeFromNowhere(state: ClusterState, draft: Draft, pod: Pod, settings: ClusterSettings, now: number): void {
  const { nodeName } = pod.spec;
  if (!nodeName || state.get('Node', '', nodeName)) return;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp && deletionGracePeriodSeconds === 0) return;
  if (isFenced(pod) && !isFinished(pod)) {
    const since = parseTime(deletionTimestamp);
    const safe = countedFrom(since ?? now, state, now) + TIMESTAMP_MS + settings.notReadySeconds * 1000;
    if (since === undefined) draft.delete(pod);
    if (now < safe) return draft.wakeAt(safe);
  }
  draft.delete(pod, { gracePeriodSeconds: 0 });
  draft.because(pod, 'Warning', 'NodeRemoved', `Node ${nodeName} no longer exists`);
}
