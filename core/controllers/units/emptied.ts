import { isDrained } from '../../node/drain.ts';
import type { Node } from '../../resources/schema/node.ts';
import type { Unit } from '../../resources/schema/unit.ts';
import { markOf } from '../../updates/reboot-mark.ts';
import { parsedUnit } from './parsed.ts';

/** Why a host's units are to go elsewhere, in a few words: a person drains it, or it reboots in its turn. undefined: they may stay. */
export function whyEmptied(node: Node): string | undefined {
  if (isDrained(node)) return 'its host is being drained';
  return node.spec?.unschedulable && markOf(node) ? 'its host is to reboot' : undefined;
}

/**
 * Those of a host's units that could run nowhere else, and why: MachineID names the host, or they have to be with a unit that stays, whichever of the two
 * MachineOf stands in: one that stayed without the other would have to leave as well, and could not come back. They go down with their host, and
 * start again with it. By unit name.
 */
export function boundUnits(unitsOnHost: readonly Unit[]): Map<string, string> {
  const bound = new Map<string, string>();
  const wanted = unitsOnHost.map((unit) => ({ name: unit.metadata.name, ...parsedUnit(unit).requirements }));
  const here = new Set(wanted.map(({ name }) => name));
  for (const { name, machineId } of wanted) if (machineId !== undefined) bound.set(name, 'MachineID names that host');
  for (let before = -1; before !== bound.size; ) {
    before = bound.size;
    for (const { name, machineOf } of wanted) {
      const peer = machineOf.find((other) => bound.has(other));
      if (peer !== undefined && !bound.has(name)) bound.set(name, `MachineOf names ${peer}, which stays there`);
      if (!bound.has(name)) continue;
      for (const other of machineOf)
        if (here.has(other) && !bound.has(other)) bound.set(other, `MachineOf of ${name}, which stays there, names it`);
    }
  }
  return bound;
}

/** The units that have yet to leave a host before it goes down. Global ones stay with it, as a DaemonSet's pods do. */
export function unitsToLeave(unitsOnHost: readonly Unit[], nodeName: string): Unit[] {
  const bound = boundUnits(unitsOnHost);
  return unitsOnHost.filter((unit) => {
    const { global } = parsedUnit(unit).requirements;
    const stays = global || bound.has(unit.metadata.name);
    return unit.status?.hosts?.some((host) => host.nodeName === nodeName && (host.leaving !== undefined || !stays));
  });
}
