import type { Probe } from '../../core/resources/schema/pod.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

/** What one probe of one container has shown so far. Times are ms since the epoch. */
export interface ProbeState {
  readonly probe: Probe;
  verdict: 'unknown' | 'success' | 'failure';
  /** Results in a row that say the other thing than the verdict. */
  streak: number;
  streakOk: boolean;
  dueAt: number;
  running: boolean;
}

const PERIOD_SECONDS = 10;
const FAILURES = 3;

/** `passed`: it is known from before. A liveness probe starts from "alive", the others from "not yet". */
export function newProbeState(probe: Probe, startedAt: number, now: number, passed: boolean | undefined): ProbeState {
  return {
    probe,
    verdict: passed ? 'success' : 'unknown',
    streak: 0,
    streakOk: true,
    dueAt: Math.max(now, startedAt + (probe.initialDelaySeconds ?? 0) * 1000),
    running: false,
  };
}

/** Takes one result in; true if it changed the verdict. Liveness and startup need one success, whatever they say. */
export function recordResult(state: ProbeState, kind: ProbeKind, ok: boolean): boolean {
  state.streak = state.streakOk === ok ? state.streak + 1 : 1;
  state.streakOk = ok;
  const needed = ok
    ? kind === 'readiness'
      ? (state.probe.successThreshold ?? 1)
      : 1
    : (state.probe.failureThreshold ?? FAILURES);
  if (state.streak < needed) return false;
  const verdict = ok ? 'success' : 'failure';
  if (state.verdict === verdict) return false;
  state.verdict = verdict;
  return true;
}

export function nextDue({ probe }: ProbeState, now: number): number {
  return now + (probe.periodSeconds ?? PERIOD_SECONDS) * 1000;
}
