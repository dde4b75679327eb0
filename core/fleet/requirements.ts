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

export const SECTION = 'X-Fleet';

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

/** Every option that counts, in its old forms, too. */
export const KNOWN_OPTIONS: readonly string[] = Object.values(NAMES).flat();
export const TRUE: ReadonlySet<string> = new Set(['true', 'yes', '1', 'on', 't']);
export const FALSE: ReadonlySet<string> = new Set(['false', 'no', '0', 'off', 'f']);

export function requirementsOf(unitName: string, options: readonly UnitOption[]): Requirements {
  const name = parseUnitName(unitName);
  const given = options.filter(({ section }) => section === SECTION);
  const values = (names: readonly string[]) =>
    given.filter((option) => names.includes(option.name)).map(({ value }) => resolveSpecifiers(value, name));
  const words = (names: readonly string[]) => values(names).flatMap(splitWords);
  const last = (names: readonly string[]) => (values(names).at(-1) ?? '').toLowerCase();
  const global = TRUE.has(last(NAMES.global));
  // Today's name wins over the older ones, wherever they stand; of one name, the first.
  const [machineId] = NAMES.machineId.flatMap((each) => values([each])).filter((value) => value !== '');
  const metadata = new Map<string, string[]>();
  for (const pair of words(NAMES.metadata)) {
    const parts = metadataPair(pair);
    // fleet leaves out what is no pair.
    if (parts) metadata.set(parts.key, [...(metadata.get(parts.key) ?? []), parts.value]);
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

/** KEY=VALUE, neither of them empty. */
export function metadataPair(text: string): { readonly key: string; readonly value: string } | undefined {
  const [, key, value] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  return key === undefined || value === undefined ? undefined : { key: key.trim(), value: value.trim() };
}

/** By spaces, but `"a b" "c"` are two words. */
export function splitWords(value: string): string[] {
  return [...value.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!).filter((word) => word !== '');
}
