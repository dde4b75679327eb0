import { isFenced, unreachableMark } from '../../node/fencing.ts';
import { silentAt } from '../../node/heartbeat.ts';
import { isFinished, podCondition } from '../pod-state.ts';
import type { ClusterSettings } from '../settings.ts';
import { parseTime } from '../time.ts';
import type { ClusterState } from '../types.ts';
import { countedFrom } from '../wait.ts';
import { fencedUnitsOn } from '../units/hosts.ts';
import { askedSince } from './suspicion.ts';

/** From when on a host counts as silent, ms since the epoch; undefined if it was never heard of. */
export function nodeSilentAt(state: ClusterState, nodeName: string, settings: ClusterSettings, now: number): number | undefined {
  const heard = state.heartbeats.get(nodeName);
  if (!heard) return undefined;
  const node = state.get('Node', '', nodeName);
  const givenUp = node !== undefined && unreachableMark(node) !== undefined;
  // That nobody listened, or begins to, brings no host back: its next report does.
  if (givenUp && heard.moved) return 0;
  const fenced = fencedSince(state, nodeName);
  const at = silentAt(heard, settings, {
    fencedSince: fenced === undefined ? undefined : countedFrom(fenced, state, now),
    askedAt: node && askedSince(node, state, now),
  });
  // Who measures silence has left out by itself what was not listened.
  if (givenUp || heard.moved !== undefined || heard.at >= state.listeningSince) return at;
  return Math.max(at, state.listeningSince + settings.notReadySeconds * 1000);
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
