import { isFenced, unreachableMark } from '../../node/fencing.ts';
import { type Heartbeat, silentAt } from '../../node/heartbeat.ts';
import { askedAt } from '../../node/node-timeout.ts';
import { isFinished, podCondition } from '../pod-state.ts';
import type { ClusterSettings } from '../settings.ts';
import { parseTime } from '../time.ts';
import type { ClusterState } from '../types.ts';
import { countedFrom } from '../wait.ts';
import { fencedUnitsOn } from '../units/hosts.ts';

/** From when on a host counts as silent, ms since the epoch; undefined if it was never heard of. */
export function nodeSilentAt(state: ClusterState, nodeName: string, settings: ClusterSettings, now: number): number | undefined {
  const heard = state.heartbeats.get(nodeName);
  if (!heard) return undefined;
  const node = state.get('Node', '', nodeName);
  const givenUp = node !== undefined && unreachableMark(node) !== undefined;
  const counted = givenUp ? asReported(heard) : heard;
  const [fenced, asked] = [fencedSince(state, nodeName), node && askedAt(node)];
  const at = silentAt(counted, settings, {
    fencedSince: fenced === undefined ? undefined : countedFrom(fenced, state, now),
    // It was answered, or is not yet, by the times that are known.
    askedAt: asked === undefined || asked <= heard.at ? undefined : countedFrom(asked, state, now),
  });
  // Who measures silence has left out by itself what was not listened.
  if (givenUp || heard.reportedAt !== undefined || heard.at >= state.listeningSince) return at;
  return Math.max(at, state.listeningSince + settings.notReadySeconds * 1000);
}

/** That nobody listened, or begins to, brings no host back that was given up: its next report does. */
function asReported(heard: Heartbeat): Heartbeat {
  const { reportedAt, lostAt: _, ...rest } = heard;
  return reportedAt === undefined ? heard : { ...rest, at: Math.min(heard.at, reportedAt) };
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
