import { isFenced } from '../../node/fencing.ts';
import { silentAt } from '../../node/heartbeat.ts';
import { askedAt } from '../../node/node-timeout.ts';
import { isFinished, podCondition } from '../pod-state.ts';
import type { ClusterSettings } from '../settings.ts';
import { parseTime } from '../time.ts';
import type { ClusterState } from '../types.ts';
import { fencedUnitsOn } from '../units/hosts.ts';

/** From when on a host counts as silent, ms since the epoch; undefined if it was never heard of. */
export function nodeSilentAt(state: ClusterState, nodeName: string, settings: ClusterSettings): number | undefined {
  const heard = state.heartbeats.get(nodeName);
  const node = state.get('Node', '', nodeName);
  return heard && silentAt(heard, settings, { fencedSince: fencedSince(state, nodeName), askedAt: node && askedAt(node) });
}

/** When the last fenced pod or unit was placed on the node, ms since the epoch; undefined if none is there. */
function fencedSince(state: ClusterState, nodeName: string): number | undefined {
  const pods = state
    .podsOn(nodeName)
    .filter((pod) => isFenced(pod) && !isFinished(pod))
    .map((pod) => parseTime(podCondition(pod, 'PodScheduled')?.lastTransitionTime ?? pod.metadata.creationTimestamp) ?? 0);
  const units = fencedUnitsOn(state, nodeName).map(({ host }) => parseTime(host.placedAt) ?? 0);
  const times = [...pods, ...units];
  return times.length === 0 ? undefined : Math.max(...times);
}
