import { resolveSpecifiers, parseUnitName } from './unit-name.ts';
import type { UnitOption } from './unit-file.ts';

/** What [X-Fleet] asks for, specifiers resolved. */
export interface Requirements {
  /** The whole id of a machine, or its first eight characters. */
  readonly machineId?: string;
  readonly machineOf: readonly string[];
  /** Label -> allowed values: one of them, for each label. */
  readonly metadata: ReadonlyMap<string, readonly string[]>;
  /** Patterns of unit names. */
  readonly conflicts: readonly string[];
  readonly replaces: readonly string[];
  readonly global: boolean;
  /** Never runs twice at once: its host stops it when it is cut off, before it starts elsewhere. */
  readonly fenced: boolean;
}

const SECTION = 'X-Fleet';

/** Today's name, and those of older fleets. */
const NAMES = {
  machineId: ['MachineID', 'X-ConditionMachineID', 'X-ConditionMachineBootID'],
  machineOf: ['MachineOf', 'X-ConditionMachineOf'],
  metadata: ['MachineMetadata', 'X-ConditionMachineMetadata'],
  conflicts: ['Conflicts', 'X-Conflicts'],
  replaces: ['Replaces'],
  global: ['Global'],
  /** Ours. */
  fenced: ['Fenced'],
} as const;

const KNOWN: ReadonlySet<string> = new Set(Object.values(NAMES).flat());
const TRUE = new Set(['true', 'yes', '1', 'on', 't']);
const FALSE = new Set(['false', 'no', '0', 'off', 'f']);

export function requirementsOf(unitName: string, options: readonly UnitOption[]): Requirements {
  const name = parseUnitName(unitName);
  const given = options.filter(({ section }) => section === SECTION);
  const values = (names: readonly string[]) =>
    given.filter((option) => names.includes(option.name)).map(({ value }) => resolveSpecifiers(value, name));
  const words = (names: readonly string[]) => values(names).flatMap(splitWords);
  const last = (names: readonly string[]) => (values(names).at(-1) ?? '').toLowerCase();
  const global = TRUE.has(last(NAMES.global));
  const [machineId] = values(NAMES.machineId).filter((value) => value !== '');
  const metadata = new Map<string, string[]>();
  for (const pair of words(NAMES.metadata)) {
    const [, key, value] = /^([^=]+)=([^=]+)$/.exec(pair) ?? [];
    // fleet leaves out what is no pair.
    if (key === undefined || value === undefined) continue;
    metadata.set(key.trim(), [...(metadata.get(key.trim()) ?? []), value.trim()]);
  }
  return {
    ...(machineId !== undefined && { machineId }),
    machineOf: words(NAMES.machineOf),
    metadata,
    conflicts: words(NAMES.conflicts),
    replaces: words(NAMES.replaces),
    global,
    // One that runs on each host has no other place to go to.
    fenced: !global && !FALSE.has(last(NAMES.fenced)),
  };
}

/** Options of [X-Fleet] that nobody knows: fleetctl warns of them. */
export function unknownOptions(options: readonly UnitOption[]): string[] {
  return options.filter(({ section, name }) => section === SECTION && !KNOWN.has(name)).map(({ name }) => name);
}

/** By spaces, but `"a b" "c"` are two words. */
function splitWords(value: string): string[] {
  return [...value.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!).filter((word) => word !== '');
}
