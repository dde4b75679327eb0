import { UNIT_STOP_SECONDS } from '../../core/fleet/stop-seconds.ts';
import type { AssignedUnit } from '../../core/node/assigned-unit.ts';
import { isUp, type Launch, type ObservedUnit, type SystemdState } from './observed.ts';
import { type UnitStep, unitStep } from './unit-steps.ts';

/** The host has held no lease since `at`, and its fenced units have so long to stop. */
export interface Lapsed {
  readonly at: number;
  readonly graceSeconds: number;
}

/** When fenced units must have ended, ms since the epoch. */
export const overAt = ({ at, graceSeconds }: Lapsed): number => at + graceSeconds * 1000;

/** All that a plan depends on. */
export interface UnitPlanInput {
  /** ms since the epoch. */
  readonly now: number;
  readonly units: readonly AssignedUnit[];
  /** By name: every unit that is assigned or has a file of ours. */
  readonly observed: ReadonlyMap<string, ObservedUnit>;
  readonly launches: ReadonlyMap<string, Launch>;
  /** Units with a step under way. */
  readonly busy: ReadonlySet<string>;
  /** Units whose last step may have failed, so that the same one waits: no other unit waits for their files. */
  readonly held?: (name: string) => boolean;
  /** Files were written or removed since systemd last read them. */
  readonly stale: boolean;
  /** As the pods' planner takes it: the host holds no lease. */
  readonly lapsed?: Lapsed | undefined;
  /** The lease that is held (LeaseKeeper.number). */
  readonly lease?: number | undefined;
  /** Where a unit's file is, if it is ours. */
  readonly pathOf: (name: string) => string;
}

export interface UnitPlan {
  readonly steps: readonly UnitStep[];
  /** When to plan again although nothing happened, ms since the epoch. */
  readonly wakeAt: number | undefined;
}

/**
 * What to do now so that systemd comes to run what is assigned. Pure: same input, same steps. To be asked again after each change and
 * each step's end. Units that are the host's own are never touched.
 */
export function planUnits(input: UnitPlanInput): UnitPlan {
  const steps: UnitStep[] = [];
  let wakeAt: number | undefined;
  let { stale } = input;
  const assigned = new Map(input.units.map((unit) => [unit.name, unit]));
  for (const name of new Set([...assigned.keys(), ...input.observed.keys()])) {
    const unit = assigned.get(name);
    const { file, state } = input.observed.get(name) ?? {};
    if (!state || input.busy.has(name)) continue;
    const next =
      unit && unit.desired !== 'absent' ? planPresent(input, unit, state, file) : planAbsent(input, name, unit, state, file);
    if (file && unread(state)) stale = true;
    if (next === undefined) continue;
    if (typeof next === 'number') wakeAt = Math.min(wakeAt ?? next, next);
    else steps.push(next);
  }
  // Once for all that is being written and removed.
  const files = steps.some(({ type, name }) => (type === 'writeUnit' || type === 'removeUnit') && !input.held?.(name));
  if (stale && !files && input.busy.size === 0) steps.push(unitStep('reload', '', {}));
  return { steps, wakeAt };
}

/** A step, the time to look again, or nothing. */
type Next = UnitStep | number | undefined;

function planAbsent(
  { now, launches, lapsed, pathOf }: UnitPlanInput,
  name: string,
  unit: AssignedUnit | undefined,
  state: SystemdState,
  file: ObservedUnit['file'],
): Next {
  if (!file) return undefined;
  if (!isUp(state) || hostsOwn(state, pathOf(name))) return unitStep('removeUnit', name, {});
  const { stopSeconds = UNIT_STOP_SECONDS, fenced = file.fenced } = unit ?? {};
  // Of one that was not started by us it is known only since when it is in its last stage of stopping.
  const launch = launches.get(name);
  const since = launch?.stoppingSince ?? (state.activeState === 'deactivating' ? state.since : undefined) ?? now;
  const killAt = Math.min(since, now) + stopSeconds * 1000;
  const fencedAt = fenced && lapsed ? overAt(lapsed) : Number.POSITIVE_INFINITY;
  if (now >= fencedAt) return unitStep('killUnit', name, {});
  if (now >= killAt) return unitStep('killUnit', name, { tell: `it had not stopped after ${stopSeconds} s, and was killed` });
  return stop(name, state, launch, 'it is not assigned to this host any more') ?? Math.min(killAt, fencedAt);
}

function planPresent(input: UnitPlanInput, unit: AssignedUnit, state: SystemdState, file: ObservedUnit['file']): Next {
  const { name, uid, hash } = unit;
  if (hostsOwn(state, input.pathOf(name))) return undefined;
  const launch = input.launches.get(name);
  if (file && (file.uid !== uid || file.hash !== hash)) {
    // Stopped as its old text says.
    if (isUp(state))
      return stop(name, state, launch, file.uid === uid ? 'its text has changed' : 'another unit of this name takes its place');
    return launch ? unitStep('forgetLaunch', name, {}) : unitStep('writeUnit', name, { unit });
  }
  if (!file) return unitStep('writeUnit', name, { unit });
  // It stops though systemd can't read files just now.
  if (unit.fenced && input.lapsed) return planLapsed(input, name, state, launch);
  // By an agent of before such files had a condition: it gets one, and runs on.
  if (unit.fenced && file.fenced === false) return unitStep('writeUnit', name, { unit });
  if (input.stale || unread(state)) return undefined;
  if (unit.desired === 'launched') {
    // A stop that was asked for when something else was wanted may still be under way: then it has to be started again.
    if (launch?.uid === uid && launch.generation === unit.generation && !launch.stopping && !isOver(input, unit, launch))
      return undefined;
    const lease = unit.fenced && input.lease !== undefined ? { lease: input.lease } : {};
    return state.loadState === 'loaded'
      ? unitStep('startUnit', name, { uid, generation: unit.generation, fenced: unit.fenced, ...lease })
      : undefined;
  }
  // Loaded: it doesn't run on our account. Another unit may start it.
  if (!launch) return undefined;
  return isUp(state) ? stop(name, state, launch, 'it is to be loaded only') : unitStep('forgetLaunch', name, {});
}

/** A fenced unit on a host without a lease: it may soon start elsewhere, so it stops here, and starts again once the lease is held. */
function planLapsed({ now, lapsed }: UnitPlanInput, name: string, state: SystemdState, launch: Launch | undefined): Next {
  const killAt = overAt(lapsed!);
  if (!isUp(state)) return launch ? unitStep('forgetLaunch', name, {}) : undefined;
  if (now >= killAt) return unitStep('killUnit', name, {});
  return stop(name, state, launch, 'the host could not renew its lease, and the unit must not run in two places') ?? killAt;
}

/** Its lease was another one: the fence guard has stopped it, or is about to, if this agent was away when that one ended. */
function isOver({ lease }: UnitPlanInput, { fenced }: AssignedUnit, launch: Launch): boolean {
  return fenced && launch.lease !== undefined && lease !== undefined && launch.lease !== lease;
}

/** systemd does not know the file as it is. */
function unread({ needsReload, loadState }: SystemdState): boolean {
  return needsReload || loadState === 'not-found';
}

/** Is there a unit of this name that we did not write? */
export function hostsOwn({ fragmentPath, loadState }: SystemdState, ours: string): boolean {
  // Without a file are those that systemd makes itself: system.slice, mounts, devices.
  const withoutFile = fragmentPath === '' && loadState === 'loaded';
  return withoutFile || (fragmentPath !== '' && fragmentPath !== ours) || loadState === 'masked';
}

function stop(
  name: string,
  { activeState, jobId }: SystemdState,
  launch: Launch | undefined,
  reason: string,
): UnitStep | undefined {
  // The stop that a new start begins with ends in that start.
  const restarts = launch?.starting && !launch.stopping;
  // Under way already.
  if (activeState === 'deactivating' && jobId !== 0 && !restarts) return undefined;
  return unitStep('stopUnit', name, { reason });
}
