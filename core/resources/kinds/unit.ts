import { requirementsOf } from '../../fleet/requirements.ts';
import { parseUnitFile, readUnitFile, UnitFileError, type UnitOption } from '../../fleet/unit-file.ts';
import { unitAdvice } from '../../fleet/unit-advice.ts';
import { isTemplate, unitNameProblem } from '../../fleet/unit-name.ts';
import { unitProblem } from '../../fleet/validate-unit.ts';
import { unitSummary } from '../../status/unit-summary.ts';
import { type FieldError, invalidValue } from '../field-error.ts';
import { type Unit, unitSchema } from '../schema/unit.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

/** Far more than any unit file has. */
const MOST_BYTES = 128 * 1024;

export const unitKind: KindDefinition<'Unit'> = {
  kind: 'Unit',
  group: 'terrane.dev',
  version: 'v1',
  plural: 'units',
  singular: 'unit',
  shortNames: [],
  categories: [],
  namespaced: false,
  subresources: ['status', 'journal', 'exec'],
  schema: unitSchema,
  description: 'A systemd unit that is kept on one of the hosts, or on each, as CoreOS fleet does.',
  nameRule: unitNameProblem,
  countsGenerations: true,
  prepareCreate(unit) {
    unit.status = {};
  },
  defaults({ metadata, spec }) {
    spec.desiredState ??= isTemplate(metadata.name) ? 'inactive' : 'launched';
  },
  validate: ({ metadata, spec }) => [...validateContents(metadata.name, spec.contents), ...validateState(metadata.name, spec)],
  validateUpdate: () => [],
  advice: ({ spec }) => unitAdvice(readUnitFile(spec.contents)),
  selectableFields: [
    { field: 'spec.desiredState', value: ({ spec }) => spec.desiredState ?? '' },
    { field: 'status.currentState', value: ({ status }) => status?.currentState ?? '' },
  ],
  columns: [
    nameColumn,
    { name: 'Desired', type: 'string', description: 'The wanted state.', cell: ({ spec }) => spec.desiredState ?? '' },
    {
      name: 'State',
      type: 'string',
      description: 'The state that was reached: inactive, loaded or launched.',
      cell: ({ status }) => status?.currentState ?? 'inactive',
    },
    { name: 'Host', type: 'string', description: 'Where it is. Global units: on how many hosts.', cell: hostOf },
    { name: 'Active', type: 'string', description: "systemd's ActiveState.", cell: (unit) => told(unit, 'activeState') },
    { name: 'Sub', type: 'string', description: "systemd's SubState.", cell: (unit) => told(unit, 'subState') },
    { name: 'Load', type: 'string', priority: 1, description: "systemd's LoadState.", cell: (unit) => told(unit, 'loadState') },
    {
      name: 'Hash',
      type: 'string',
      priority: 1,
      description: 'First digits of the hash of the unit file.',
      cell: ({ status }) => status?.hash?.slice(0, 7) ?? '',
    },
    {
      name: 'Why',
      type: 'string',
      priority: 1,
      description: 'Why it is on no host, has failed there, or has yet to leave one.',
      cell: why,
    },
    ageColumn,
  ],
};

function validateContents(name: string, contents: string): FieldError[] {
  const at = 'spec.contents';
  if (new TextEncoder().encode(contents).length > MOST_BYTES)
    return [invalidValue(at, shortened(contents), `a unit file may have at most ${MOST_BYTES} bytes`)];
  let options: UnitOption[];
  try {
    options = parseUnitFile(contents);
  } catch (error) {
    if (!(error instanceof UnitFileError)) throw error;
    return [invalidValue(at, shortened(contents), error.message)];
  }
  // The name has errors of its own.
  const problem = unitNameProblem(name) ? undefined : unitProblem(name, options);
  return problem === undefined ? [] : [invalidValue(at, shortened(contents), problem)];
}

/** Enough to know it again: a message is no place for a whole file. */
function shortened(contents: string): string {
  return contents.length > SHOWN_CHARACTERS ? `${contents.slice(0, SHOWN_CHARACTERS)}...` : contents;
}

const SHOWN_CHARACTERS = 20;

function validateState(name: string, { desiredState }: Unit['spec']): FieldError[] {
  if (desiredState === 'inactive' || !isTemplate(name)) return [];
  return [
    invalidValue(
      'spec.desiredState',
      desiredState,
      `a template can only be inactive: start an instance of it, such as ${example(name)}`,
    ),
  ];
}

const example = (template: string) => template.replace('@', '@1');

function hostOf({ metadata, spec, status }: Unit): string {
  const hosts = status?.hosts ?? [];
  if (isGlobal(metadata.name, spec.contents)) return hosts.length === 1 ? '1 host' : `${hosts.length} hosts`;
  return hosts[0]?.nodeName ?? '<none>';
}

function isGlobal(name: string, contents: string): boolean {
  return requirementsOf(name, readUnitFile(contents)).global;
}

/** What all hosts say, or how many say so. */
function told({ status }: Unit, field: 'loadState' | 'activeState' | 'subState'): string {
  const counts = new Map<string, number>();
  for (const host of status?.hosts ?? []) {
    const value = host[field] ?? '-';
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  if (counts.size === 0) return '-';
  if (counts.size === 1) return [...counts.keys()][0]!;
  return [...counts]
    .map(([value, count]) => `${count} ${value}`)
    .sort()
    .join(', ');
}

function why(unit: Unit): string {
  const { conditions } = unit.status ?? {};
  const placed = conditions?.find(({ type }) => type === 'Placed');
  if (placed?.status === 'False') return placed.message ?? placed.reason ?? '';
  return unitSummary(unit)?.why.join('; ') ?? '';
}
