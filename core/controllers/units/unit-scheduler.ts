import { machineSuits, type PlaceableUnit, placeUnits, type UnitPlacement } from '../../fleet/place-units.ts';
import { isTemplate } from '../../fleet/unit-name.ts';
import type { Node } from '../../resources/schema/node.ts';
import type { Unit, UnitHost } from '../../resources/schema/unit.ts';
import { amountsOf } from '../../scheduler/requests.ts';
import { findCondition, withCondition } from '../conditions.ts';
import { Draft } from '../draft.ts';
import { timestamp } from '../time.ts';
import type { ClusterState, Controller } from '../types.ts';
import { explainUnit, type Situation, whyNotThere } from './explain.ts';
import { lookupsIn } from './lookups.ts';
import { type UnitMachine, unitMachines } from './machines.ts';
import { isWanted, parsedUnit } from './parsed.ts';
import { UNIT_FINALIZER } from './unit-controller.ts';

/**
 * Gives units their hosts. Nothing that may stay where it is moves; what may not is told to leave, and gets its next host once it has left, so that it
 * is never on two. A unit that fits nowhere says why.
 */
export const unitScheduler: Controller = {
  name: 'unit-scheduler',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    const units: Unit[] = [];
    draft.forEach(state.list('Unit'), (unit) => {
      if (isWanted(unit) || isOnHosts(unit)) units.push(unit);
      else settle(draft, unit, now);
    });
    if (units.length === 0) return draft.finish();
    const machines = unitMachines(state, readable(state, draft));
    if (!units.some((unit) => asksForPlace(unit, machines))) return draft.finish();
    const placements = placeUnits(units.map(placeable), machines);
    const byName = new Map(units.map((unit) => [unit.metadata.name, unit]));
    const all = { machines, units: byName, onHosts: units.filter(isOnHosts) };
    const situation = { ...all, placements, lookups: lookupsIn(all) };
    draft.forEach(units, (unit) => place(draft, unit, placements.get(unit.metadata.name)!, situation, now));
    return draft.finish();
  },
};

const isOnHosts = ({ status }: Unit) => (status?.hosts?.length ?? 0) > 0;

function readable(state: ClusterState, draft: Draft): Node[] {
  const nodes: Node[] = [];
  draft.forEach(state.list('Node'), (node) => {
    amountsOf(node.status?.allocatable ?? node.status?.capacity, 'down');
    nodes.push(node);
  });
  return nodes;
}

/** A text that is new since the unit was placed, and hosts that changed, may ask for another place. */
function asksForPlace(unit: Unit, machines: readonly UnitMachine[]): boolean {
  const { status, metadata } = unit;
  const { requirements } = parsedUnit(unit);
  if (!isWanted(unit)) return false;
  if (!isOnHosts(unit) || status?.observedGeneration !== metadata.generation) return true;
  if (requirements.global) return suitsOthers(unit, machines);
  if (requirements.machineId === undefined && requirements.metadata.size === 0) return false;
  const [host] = status?.hosts ?? [];
  const machine = machines.find(({ id }) => id === host?.nodeName);
  return machine !== undefined && !machineSuits(requirements, machine);
}

/** Is a global unit not where it might be, or where it may not? */
function suitsOthers(unit: Unit, machines: readonly UnitMachine[]): boolean {
  const { requirements } = parsedUnit(unit);
  const there = new Set((unit.status?.hosts ?? []).map(({ nodeName }) => nodeName));
  return machines.some((machine) => {
    const suits = machineSuits(requirements, machine);
    return there.has(machine.id) ? !suits : suits && !machine.closed;
  });
}

function placeable(unit: Unit): PlaceableUnit {
  const { requirements, requests } = parsedUnit(unit);
  const hosts = unit.status?.hosts ?? [];
  const { name } = unit.metadata;
  if (requirements.global && isWanted(unit)) {
    const machineIds = hosts.filter(stays).map(({ nodeName }) => nodeName);
    return { name, requirements, requests, machineIds };
  }
  const [host] = hosts;
  // One that is unwanted counts where it still is.
  const leaving = !isWanted(unit) || hosts.some((each) => !stays(each));
  return {
    name,
    requirements: leaving ? { ...requirements, global: false } : requirements,
    requests,
    ...(host && { machineId: host.nodeName }),
    ...(leaving && { leaving }),
  };
}

const stays = ({ leaving, uid }: UnitHost) => leaving === undefined && uid === undefined;

function place(draft: Draft, unit: Unit, placement: UnitPlacement, situation: Situation, now: number): void {
  if (!isWanted(unit)) return;
  const hosts = unit.status?.hosts ?? [];
  if ('machineIds' in placement) return placeGlobal(draft, unit, placement.machineIds, situation, now);
  if (!hosts.every(stays)) return;
  const [host] = hosts;
  if (host && 'machineId' in placement && placement.machineId === host.nodeName) return settle(draft, unit, now);
  if (host) {
    const why = whyNotThere(unit, host.nodeName, situation);
    return change(draft, unit, [leave(host, why, now)], now, ['Normal', 'Moving', `It leaves host ${host.nodeName}: ${why}`]);
  }
  if ('machineId' in placement) {
    const { fenced } = parsedUnit(unit).requirements;
    const next = entry(unit, placement.machineId, 1, fenced, now);
    return change(draft, unit, [next], now, [
      'Normal',
      'Scheduled',
      `Successfully assigned ${unit.metadata.name} to ${placement.machineId}`,
    ]);
  }
  wait(draft, unit, explainUnit(unit, placement.refusals, situation), now);
}

function placeGlobal(draft: Draft, unit: Unit, names: readonly string[], situation: Situation, now: number): void {
  const before = unit.status?.hosts ?? [];
  const known = new Set(before.map(({ nodeName }) => nodeName));
  const wanted = new Set(names);
  const added = names.filter((name) => !known.has(name)).map((name, at) => entry(unit, name, at + 1, false, now));
  const kept = before.map((host) =>
    stays(host) && !wanted.has(host.nodeName) ? leave(host, 'it may not be on this host any more', now) : host,
  );
  const left = kept.filter((host, at) => host !== before[at]);
  if (added.length === 0 && left.length === 0) {
    if (before.length === 0) return wait(draft, unit, explainUnit(unit, undefined, situation), now);
    return settle(draft, unit, now);
  }
  const hosts = [...kept, ...added].sort((a, b) => (a.nodeName < b.nodeName ? -1 : 1));
  const leaves = `leaves ${namesOf(left)}: it may not be there any more`;
  const [type, reason] = ['Normal', added.length > 0 ? 'Scheduled' : 'Moving'] as const;
  const where = added.length > 0 ? `Assigned to ${namesOf(added)}` : '';
  const message = where === '' ? `It ${leaves}` : left.length > 0 ? `${where}; it ${leaves}` : where;
  change(draft, unit, hosts, now, [type, reason, message]);
}

const namesOf = (hosts: readonly UnitHost[]) => hosts.map(({ nodeName }) => nodeName).join(', ');

function entry(unit: Unit, nodeName: string, further: number, fenced: boolean, now: number): UnitHost {
  return { nodeName, placement: (unit.status?.placements ?? 0) + further, placedAt: timestamp(now), fenced };
}

function leave(host: UnitHost, leaving: string, now: number): UnitHost {
  return { ...host, leaving, leavingSince: timestamp(now) };
}

type Reason = readonly [type: 'Normal' | 'Warning', reason: string, message: string];

/** New places, with the finalizer that keeps the unit until they are empty again. */
function change(draft: Draft, unit: Unit, hosts: UnitHost[], now: number, why: Reason): void {
  const { finalizers = [] } = unit.metadata;
  const placements = Math.max(unit.status?.placements ?? 0, ...hosts.map(({ placement }) => placement));
  const conditions = withCondition(unit.status?.conditions, { type: 'Placed', status: 'True' }, now);
  draft.updateAll({
    ...unit,
    metadata: { ...unit.metadata, finalizers: [...new Set([...finalizers, UNIT_FINALIZER])] },
    status: { ...unit.status, ...observed(unit), placements, hosts, conditions },
  });
  draft.because(unit, ...why);
}

function wait(draft: Draft, unit: Unit, message: string, now: number): void {
  const before = findCondition(unit.status?.conditions, 'Placed');
  const same = before?.status === 'False' && before.message === message;
  if (same && isObserved(unit)) return;
  const condition = { type: 'Placed', status: 'False', reason: 'Unschedulable', message } as const;
  draft.updateStatus({
    ...unit,
    status: { ...unit.status, ...observed(unit), conditions: withCondition(unit.status?.conditions, condition, now) },
  });
  if (!same) draft.because(unit, 'Warning', 'FailedScheduling', message);
}

/** It is where it may be, or nowhere because that is what was asked for. */
function settle(draft: Draft, unit: Unit, now: number): void {
  const { status } = unit;
  const before = findCondition(status?.conditions, 'Placed');
  const message = isTemplate(unit.metadata.name)
    ? 'It is a template: instances of it are placed.'
    : 'It is not wanted on any host.';
  const condition = isOnHosts(unit)
    ? ({ type: 'Placed', status: 'True' } as const)
    : ({ type: 'Placed', status: 'False', reason: 'Inactive', message } as const);
  if (
    isObserved(unit) &&
    before?.status === condition.status &&
    before.message === ('message' in condition ? message : undefined)
  )
    return;
  draft.updateStatus({
    ...unit,
    status: { ...status, ...observed(unit), conditions: withCondition(status?.conditions, condition, now) },
  });
}

function observed(unit: Unit) {
  return { observedGeneration: unit.metadata.generation ?? 1, hash: parsedUnit(unit).hash };
}

function isObserved(unit: Unit): boolean {
  return unit.status?.observedGeneration === (unit.metadata.generation ?? 1) && unit.status.hash === parsedUnit(unit).hash;
}
