import { type FieldError, forbiddenField, immutable, invalidValue, notSupported } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { type UpdateChannel, updateChannelSchema } from '../schema/update-channel.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

const ARCHITECTURES = ['amd64', 'arm64', 'all'];

export const updateChannelKind: KindDefinition<'UpdateChannel'> = {
  kind: 'UpdateChannel',
  group: 'terrane.dev',
  version: 'v1',
  plural: 'updatechannels',
  singular: 'updatechannel',
  shortNames: ['uch'],
  categories: ['updates'],
  namespaced: false,
  subresources: [],
  schema: updateChannelSchema,
  description: 'Which package the groups that follow it are updated to, for each architecture.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  defaults: () => {},
  validate: ({ spec }) => [
    ...(spec.application === '' ? [invalidValue('spec.application', '', 'must not be empty')] : []),
    ...validatePackages(spec),
  ],
  validateUpdate: ({ spec }, previous) =>
    spec.application === previous.spec.application ? [] : [immutable('spec.application', spec.application)],
  columns: [
    nameColumn,
    { name: 'Application', type: 'string', description: 'What it updates.', cell: ({ spec }) => spec.application },
    {
      name: 'Packages',
      type: 'string',
      description: 'What instances shall end up with.',
      cell: ({ spec }) => Object.values(spec.packages ?? {}).join(',') || '<none>',
    },
    {
      name: 'Floors',
      type: 'integer',
      description: 'Versions that nobody may jump over.',
      cell: ({ spec }) => spec.floors?.length ?? 0,
    },
    ageColumn,
  ],
};

/** A package that must not be given can't be one that must. */
function validatePackages({ packages = {}, floors = [], blacklist = [] }: UpdateChannel['spec']): FieldError[] {
  const never = new Set(blacklist.map((entry) => entry.package));
  const errors: FieldError[] = [];
  for (const [arch, name] of Object.entries(packages)) {
    if (!ARCHITECTURES.includes(arch)) errors.push(notSupported(`spec.packages.${arch}`, arch, ARCHITECTURES));
    if (never.has(name)) errors.push(forbiddenField(`spec.packages.${arch}`, `${name} is on this channel's blacklist`));
  }
  for (const [index, floor] of floors.entries())
    if (never.has(floor.package))
      errors.push(forbiddenField(`spec.floors[${index}].package`, `${floor.package} is on this channel's blacklist`));
  return errors;
}
