import type { AssignedUnit, UnitReport } from '../../core/node/assigned-unit.ts';
import type { Unit, UnitHost } from '../../core/resources/schema/unit.ts';
import { meta, T0 } from './builders.ts';

/** Units for tests, as builders.ts has it for pods. */

export const SLEEPER = '[Service]\nExecStart=/bin/sleep infinity\n';

export interface UnitOptions {
  /** Of its [X-Fleet] section. */
  readonly fleet?: string;
  readonly contents?: string;
  readonly desiredState?: Unit['spec']['desiredState'];
  readonly generation?: number;
  readonly hosts?: UnitHost[];
}

export function unit(name: string, options: UnitOptions = {}): Unit {
  const { fleet, desiredState = 'launched', generation = 1, hosts } = options;
  const contents = options.contents ?? `${SLEEPER}${fleet === undefined ? '' : `[X-Fleet]\n${fleet}\n`}`;
  return {
    apiVersion: 'terrane.dev/v1',
    kind: 'Unit',
    metadata: meta(name, { generation }),
    spec: { contents, desiredState },
    status: hosts ? { hosts } : {},
  };
}

export function unitHost(nodeName: string, given: Partial<UnitHost> = {}): UnitHost {
  return { nodeName, placement: 1, placedAt: new Date(T0).toISOString(), fenced: true, ...given };
}

/** What a host says of a unit that runs as it is wanted. */
export function unitReport(assigned: AssignedUnit, given: Partial<UnitReport> = {}): UnitReport {
  const { name, uid, placement, hash, desired, generation } = assigned;
  if (desired === 'absent' && !('activeState' in given))
    return { name, uid, placement, gone: true, hash, loadState: 'not-found', activeState: 'inactive', subState: 'dead' };
  const runs = desired === 'launched';
  return {
    name,
    uid,
    placement,
    hash,
    loadState: 'loaded',
    activeState: runs ? 'active' : 'inactive',
    subState: runs ? 'running' : 'dead',
    ...(runs && { launched: generation }),
    ...given,
  };
}
