import { type Requirements, requirementsOf } from '../../fleet/requirements.ts';
import { readUnitFile, type UnitOption } from '../../fleet/unit-file.ts';
import { unitHash } from '../../fleet/unit-hash.ts';
import { isTemplate } from '../../fleet/unit-name.ts';
import { unitRequests } from '../../fleet/unit-requests.ts';
import type { Unit } from '../../resources/schema/unit.ts';
import type { Amounts } from '../../scheduler/requests.ts';

/** What a unit's text says. */
export interface ParsedUnit {
  readonly options: readonly UnitOption[];
  readonly requirements: Requirements;
  readonly requests: Amounts;
  readonly hash: string;
}

const known = new WeakMap<Unit['spec'], ParsedUnit>();

export function parsedUnit({ metadata, spec }: Unit): ParsedUnit {
  let parsed = known.get(spec);
  if (!parsed) {
    const options = readUnitFile(spec.contents);
    const requirements = requirementsOf(metadata.name, options);
    known.set(spec, (parsed = { options, requirements, requests: unitRequests(options), hash: unitHash(options) }));
  }
  return parsed;
}

/** Is it to be on a host at all? */
export function isWanted({ metadata, spec }: Unit): boolean {
  return !metadata.deletionTimestamp && spec.desiredState !== 'inactive' && !isTemplate(metadata.name);
}
