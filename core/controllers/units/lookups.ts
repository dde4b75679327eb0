import { namesOfMachine } from '../../fleet/place-units.ts';
import type { Unit } from '../../resources/schema/unit.ts';
import type { UnitMachine } from './machines.ts';
import { isWanted, parsedUnit } from './parsed.ts';

/**
 * What explanations ask of all hosts and of all units, made once for all units that wait: there may be a thousand of them, and ten thousand hosts. Each
 * part is made when it is first asked for.
 */
export interface Lookups {
  /** Why hosts take no unit at all -> how many of them. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Hosts that MachineID= may mean by this. */
  named(machineId: string): readonly UnitMachine[];
  /** Hosts with this label. */
  having(key: string, value: string): readonly UnitMachine[];
  readonly cordoned: readonly UnitMachine[];
  /** Wanted units that name this one in MachineOf. */
  naming(unit: string): readonly Unit[];
  /** Units on hosts of which the file says whom they can't be beside. */
  readonly choosy: readonly Unit[];
}

export interface LookedThrough {
  readonly machines: readonly UnitMachine[];
  readonly units: ReadonlyMap<string, Unit>;
  readonly onHosts: readonly Unit[];
}

export function lookupsIn({ machines, units, onHosts }: LookedThrough): Lookups {
  const refusals = once(() => {
    const counts = new Map<string, number>();
    for (const { refusal } of machines) if (refusal !== undefined) counts.set(refusal, (counts.get(refusal) ?? 0) + 1);
    return counts;
  });
  const ids = once(() => {
    const all = new Map<string, UnitMachine[]>();
    for (const machine of machines) for (const name of new Set(namesOfMachine(machine))) add(all, name, machine);
    return all;
  });
  const labels = once(() => {
    const all = new Map<string, Map<string, UnitMachine[]>>();
    for (const machine of machines)
      for (const [key, value] of Object.entries(machine.metadata)) {
        let values = all.get(key);
        if (!values) all.set(key, (values = new Map()));
        add(values, value, machine);
      }
    return all;
  });
  const peers = once(() => {
    const all = new Map<string, Unit[]>();
    for (const unit of units.values())
      if (isWanted(unit)) for (const peer of parsedUnit(unit).requirements.machineOf) add(all, peer, unit);
    return all;
  });
  const cordoned = once(() => machines.filter(({ node }) => node.spec?.unschedulable));
  const choosy = once(() =>
    onHosts.filter((unit) => {
      const { conflicts, replaces } = parsedUnit(unit).requirements;
      return conflicts.length + replaces.length > 0;
    }),
  );
  return {
    get refusals() {
      return refusals();
    },
    named: (machineId) => ids().get(machineId) ?? [],
    having: (key, value) => labels().get(key)?.get(value) ?? [],
    get cordoned() {
      return cordoned();
    },
    naming: (unit) => peers().get(unit) ?? [],
    get choosy() {
      return choosy();
    },
  };
}

function add<T>(lists: Map<string, T[]>, key: string, one: T): void {
  const list = lists.get(key);
  if (list) list.push(one);
  else lists.set(key, [one]);
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
