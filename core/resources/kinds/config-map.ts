import { dnsSubdomain } from '../names.ts';
import { configMapSchema } from '../schema/config-map.ts';
import { ageColumn, nameColumn } from './columns.ts';
import { validateDataKeys, validateFrozenData } from './data-keys.ts';
import type { KindDefinition } from './definition.ts';

export const configMapKind: KindDefinition<'ConfigMap'> = {
  kind: 'ConfigMap',
  group: '',
  version: 'v1',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  namespaced: true,
  subresources: [],
  schema: configMapSchema,
  description: 'Configuration that pods read as variables or files.',
  nameRule: dnsSubdomain,
  countsGenerations: false,
  defaults: () => {},
  validate: (map) => validateDataKeys({ data: map.data, binaryData: map.binaryData }, ['binaryData']),
  validateUpdate: (next, previous) => validateFrozenData(next, previous, ['data', 'binaryData']),
  columns: [
    nameColumn,
    {
      name: 'Data',
      type: 'integer',
      description: 'Number of keys.',
      cell: ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length,
    },
    ageColumn,
  ],
};
