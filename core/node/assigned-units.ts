import type { ClusterState } from '../controllers/types.ts';
import { stopSecondsOf } from '../fleet/stop-seconds.ts';
import { readUnitFile } from '../fleet/unit-file.ts';
import { unitHash } from '../fleet/unit-hash.ts';
import type { Unit, UnitHost } from '../resources/schema/unit.ts';
import type { AssignedUnit } from './assigned-unit.ts';

/** The units of one host, by name. */
export function assignedUnits(state: Pick<ClusterState, 'unitsOn'>, nodeName: string): AssignedUnit[] {
  return state.unitsOn(nodeName).flatMap((unit) => {
    const hosts = unit.status?.hosts?.filter((host) => host.nodeName === nodeName) ?? [];
    return hosts.map((host) => assigned(unit, host));
  });
}

function assigned({ metadata, spec }: Unit, { uid, placement, fenced, leaving }: UnitHost): AssignedUnit {
  const { name, generation = 1 } = metadata;
  // Not before it is marked as leaving, after which it never stays: that the host let go of this placing is then said once and for all.
  const absent = leaving !== undefined || uid !== undefined;
  const stopped = spec.desiredState !== 'launched' || metadata.deletionTimestamp !== undefined;
  // What shall go is known by its name: its text may be another one by now, or of another unit.
  const contents = absent ? '' : spec.contents;
  return {
    name,
    uid: uid ?? metadata.uid,
    placement,
    contents,
    hash: unitHash(readUnitFile(contents)),
    desired: absent ? 'absent' : stopped ? 'loaded' : 'launched',
    generation: absent ? 0 : generation,
    fenced,
    // Of another unit's text nothing is known any more.
    ...(absent && uid === undefined && { stopSeconds: stopSecondsOf(readUnitFile(spec.contents)) }),
  };
}
