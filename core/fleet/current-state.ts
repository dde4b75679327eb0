import type { Unit, UnitHost } from '../resources/schema/unit.ts';

export type UnitState = 'inactive' | 'loaded' | 'launched';

/**
 * fleet's currentState: inactive = on no host, or its host hasn't said anything of it; loaded = its host has it; launched = it was started there
 * as it is wanted now. Stricter than fleet in one thing, because fleetctl takes `launched` for "it runs" and fails if it then doesn't: a unit
 * that is still starting is not launched. One that failed, or has ended, is: nothing more is going to happen. Global units have none in fleet; here it is
 * the least of their hosts'.
 */
export function currentStateOf({ metadata, spec, status }: Pick<Unit, 'metadata' | 'spec' | 'status'>): UnitState {
  const hosts = (status?.hosts ?? []).filter(({ uid }) => uid === undefined);
  const states = hosts.map((host) => stateOn(host, spec.desiredState, metadata.generation));
  return states.length === 0 ? 'inactive' : ORDER.find((state) => states.includes(state))!;
}

const ORDER: readonly UnitState[] = ['inactive', 'loaded', 'launched'];

function stateOn(
  { hash, launched, activeState, subState }: UnitHost,
  desired: Unit['spec']['desiredState'],
  generation: number | undefined,
): UnitState {
  if (hash === undefined) return 'inactive';
  if (launched === undefined) return 'loaded';
  // It has yet to be stopped.
  if (desired !== 'launched') return activeState === 'inactive' || activeState === 'failed' ? 'loaded' : 'launched';
  if (launched !== generation) return 'loaded';
  return activeState === 'activating' && subState !== 'auto-restart' ? 'loaded' : 'launched';
}
