import type { ClusterState } from './types.ts';

type Listened = Pick<ClusterState, 'listeningSince'>;

/** What is to come by less may have been written by another of the control plane's machines: they agree within 2 s. */
const AHEAD_MS = 10_000;

/** `time`, of what the log says, ms since the epoch. One that is still to come was written by a clock that was set back since: then that was noticed. */
export function notAhead(time: number, { listeningSince }: Listened, now: number): number {
  return Number.isFinite(time) && time > now + AHEAD_MS && listeningSince > 0 ? listeningSince : time;
}

/** From when on a wait counts that began at `time`: not from before the control plane listened, or its clock was set. */
export function countedFrom(time: number, state: Listened, now: number): number {
  return Math.max(notAhead(time, state, now), state.listeningSince);
}
