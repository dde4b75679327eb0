import { findCondition } from '../../controllers/conditions.ts';
import { parsedUnit } from '../../controllers/units/parsed.ts';
import { SYSTEMD_LABEL } from '../../node/systemd-label.ts';
import type { Node } from '../../resources/schema/node.ts';
import type { Unit } from '../../resources/schema/unit.ts';
import { currentStateOf, type UnitState } from '../current-state.ts';
import { machineIds } from '../machine-id.ts';
import type { FleetMachine, FleetUnit, FleetUnitState } from './shapes.ts';

/** Resources as fleet's API shows them. */

/** Node name -> what fleet calls it. */
export type MachineIds = ReadonlyMap<string, string>;

export function unitView(unit: Unit, ids: MachineIds, now: number): FleetUnit {
  const { name } = unit.metadata;
  const { options, requirements } = parsedUnit(unit);
  const view = { name, options, desiredState: unit.spec.desiredState ?? 'launched' };
  if (requirements.global) return view;
  const [host] = unit.status?.hosts ?? [];
  const machineID = host && host.uid === undefined ? ids.get(host.nodeName) : undefined;
  return { ...view, currentState: shownState(unit, now), ...(machineID !== undefined && { machineID }) };
}

/** Longer than a whole poll of fleetctl (250 ms), and some. */
const STOP_SHOWS_AFTER_MS = 600;

/**
 * fleetctl's `restart` asks for `loaded`, but then waits for `launched` (restart.go waits for the same state after both of its changes): if it sees the unit
 * stopped before it has looked once, it waits for ever. So a unit that was stopped seems to run for a moment longer.
 */
function shownState(unit: Unit, now: number): UnitState {
  const state = currentStateOf(unit);
  const { currentState, stateBefore, stateSince = '' } = unit.status ?? {};
  if (state !== 'loaded' || unit.spec.desiredState !== 'loaded') return state;
  // The controllers have yet to see it: it was not stopped before it was asked for.
  if (currentState === 'launched') return 'launched';
  return stateBefore === 'launched' && now - Date.parse(stateSince) < STOP_SHOWS_AFTER_MS ? 'launched' : 'loaded';
}

/** By name, then by machine. Only of what a host has reported. */
export function stateViews(units: readonly Unit[], ids: MachineIds): FleetUnitState[] {
  return units.flatMap((unit) =>
    (unit.status?.hosts ?? []).flatMap(({ nodeName, uid, hash, loadState, activeState, subState }) => {
      const machineID = ids.get(nodeName);
      if (uid !== undefined || hash === undefined || machineID === undefined) return [];
      return [
        {
          name: unit.metadata.name,
          hash,
          machineID,
          systemdLoadState: loadState ?? '',
          systemdActiveState: activeState ?? '',
          systemdSubState: subState ?? '',
        },
      ];
    }),
  );
}

/** Hosts that are there and have systemd, by their id. */
export function machineViews(nodes: readonly Node[]): FleetMachine[] {
  const ids = machineIds(nodes);
  return nodes
    .filter(isMachine)
    .map((node) => {
      const { name, labels = {} } = node.metadata;
      const primaryIP = addressOf(node);
      return {
        id: ids.get(name)!,
        ...(primaryIP !== undefined && { primaryIP }),
        ...(Object.keys(labels).length > 0 && { metadata: labels }),
      };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function isMachine({ metadata, status }: Node): boolean {
  const there = findCondition(status?.conditions, 'Ready')?.status;
  return metadata.labels?.[SYSTEMD_LABEL] === 'true' && !metadata.deletionTimestamp && there !== 'Unknown' && there !== undefined;
}

function addressOf({ status }: Node): string | undefined {
  const of = (type: string) => status?.addresses?.find((address) => address.type === type)?.address;
  return of('InternalIP') ?? of('ExternalIP');
}
