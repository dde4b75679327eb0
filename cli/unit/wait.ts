import type { UnitState } from '../../core/fleet/current-state.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import type { KubeClient } from '../kube/client.ts';
import { note } from '../output/print.ts';
import { findUnit, hostsOf, stateOf } from './units.ts';

export interface Waiting {
  readonly timeoutSeconds: number;
  /** Says nothing on the way. */
  readonly quiet: boolean;
}

const POLL_MS = 500;

/**
 * Until the unit is in that state; one that was started must then run, or have ended well. Says on the way why it is not placed, which fleetctl never told.
 * Throws when the time is over, or the unit failed.
 */
export async function waitForState(io: Io, kube: KubeClient, name: string, state: UnitState, waiting: Waiting): Promise<Unit> {
  let told: string | undefined;
  for (let left = waiting.timeoutSeconds * 1000; ; left -= POLL_MS) {
    const unit = await findUnit(kube, name);
    if (!unit) throw new CliError(`unit ${name} was destroyed meanwhile`, { code: 'not_found' });
    if (stateOf(unit) === state && !isBehind(unit, state)) {
      if (state === 'launched') requireGood(unit);
      return unit;
    }
    const why = whyNot(unit);
    if (why !== undefined && why !== told) await note(io, waiting.quiet, `${name}: ${(told = why)}`);
    if (left <= 0)
      throw new CliError(
        `unit ${name} is ${stateOf(unit)} after ${waiting.timeoutSeconds} s, not ${state}${why ? `: ${why}` : ''}`,
        {
          code: 'timeout',
          fix: `See how it stands: terrane unit status ${name}`,
        },
      );
    await io.sleep(POLL_MS);
  }
}

/** Nobody has looked at what was asked for last. */
function isBehind({ metadata, status }: Unit, state: UnitState): boolean {
  return state !== 'inactive' && status?.observedGeneration !== metadata.generation;
}

export async function waitUntilGone(io: Io, kube: KubeClient, name: string, uid: string, waiting: Waiting): Promise<void> {
  for (let left = waiting.timeoutSeconds * 1000; ; left -= POLL_MS) {
    const unit = await findUnit(kube, name);
    if (!unit || unit.metadata.uid !== uid) return;
    if (left <= 0)
      throw new CliError(`unit ${name} is still being stopped on ${hostsOf(unit).join(', ')}`, {
        code: 'timeout',
        fix: `See how it stands: terrane unit status ${name}`,
      });
    await io.sleep(POLL_MS);
  }
}

export function whyNot({ status }: Unit): string | undefined {
  const error = status?.hosts?.find((host) => host.error !== undefined)?.error;
  const placed = status?.conditions?.find(({ type }) => type === 'Placed');
  return error ?? (placed?.status === 'False' ? placed.message : undefined);
}

function requireGood(unit: Unit): void {
  const failed =
    unit.status?.hosts?.filter(({ activeState, subState }) => activeState === 'failed' || subState === 'auto-restart') ?? [];
  if (failed.length === 0) return;
  const [{ nodeName, error, activeState, subState } = failed[0]!] = failed;
  throw new CliError(
    `unit ${unit.metadata.name} was started on ${nodeName} and ${error === undefined ? `is ${activeState} (${subState})` : `failed: ${error}`}`,
    {
      code: 'unit_failed',
      fix: `See why: terrane unit journal ${unit.metadata.name}${failed.length > 1 ? ` --host ${nodeName}` : ''}`,
    },
  );
}
