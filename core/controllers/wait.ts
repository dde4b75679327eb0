import type { ClusterState } from './types.ts';

/**
 * From when on a wait counts that began at `time`, ms since the epoch by what the log says: not from before the control plane listened, or its clock
 * was set. A time that is still to come was written by a clock that was set back since.
 */
export function countedFrom(time: number, { listeningSince }: Pick<ClusterState, 'listeningSince'>, now: number): number {
  return time > now && listeningSince > 0 ? listeningSince : Math.max(time, listeningSince);
}
