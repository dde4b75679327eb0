import { globMatcher, isGlob } from './glob.ts';
import { requirementsOf } from './requirements.ts';
import type { UnitOption } from './unit-file.ts';
import { unitNameProblem } from './unit-name.ts';

/**
 * What is wrong with a unit as a whole, as a sentence; undefined = nothing. fleet answers 400 with it. The rules are fleet's: some pairs of
 * options contradict each other, or could be met by no machine.
 */
export function unitProblem(name: string, options: readonly UnitOption[]): string | undefined {
  const wrongName = unitNameProblem(name);
  if (wrongName) return wrongName;
  const { machineId, machineOf, conflicts, replaces, global } = requirementsOf(name, options);
  for (const [what, patterns] of [
    ['conflict', conflicts],
    ['replace', replaces],
  ] as const)
    for (const pattern of patterns) {
      if (!isGlob(pattern)) return `${what} "${pattern}" is no pattern: "[" needs a "]", and "\\" a character after it`;
      const peer = machineOf.find(globMatcher(pattern));
      if (peer !== undefined) return `unresolvable requirements: peer "${peer}" matches ${what} "${pattern}"`;
    }
  const given = {
    MachineID: machineId !== undefined,
    MachineOf: machineOf.length > 0,
    Conflicts: conflicts.length > 0,
    Global: global,
    Replaces: replaces.length > 0,
  };
  for (const [one, other] of CONTRADICTIONS)
    if (given[one] && given[other]) return `${one} cannot be used with ${other}: remove one of them`;
  return undefined;
}

const CONTRADICTIONS = [
  ['MachineID', 'MachineOf'],
  ['MachineID', 'Conflicts'],
  ['MachineID', 'Global'],
  ['MachineID', 'Replaces'],
  ['Global', 'MachineOf'],
  ['Global', 'Replaces'],
  ['Conflicts', 'Replaces'],
] as const;
