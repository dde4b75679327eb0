import type { Unit, UnitHost } from '../../resources/schema/unit.ts';
import type { ClusterState } from '../types.ts';

export interface UnitOnHost {
  readonly unit: Unit;
  readonly host: UnitHost;
}

/** What units have to do with the node, each entry by itself. */
export function unitHostsOn(state: Pick<ClusterState, 'unitsOn'>, nodeName: string): UnitOnHost[] {
  return state
    .unitsOn(nodeName)
    .flatMap((unit) => (unit.status?.hosts ?? []).filter((host) => host.nodeName === nodeName).map((host) => ({ unit, host })));
}

/** Those that the host stops by itself when its lease runs out. */
export function fencedUnitsOn(state: Pick<ClusterState, 'unitsOn'>, nodeName: string): UnitOnHost[] {
  return unitHostsOn(state, nodeName).filter(({ host }) => host.fenced);
}
