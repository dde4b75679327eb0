import { base64 } from '../base64.ts';
import { immutable } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { secretSchema } from '../schema/secret.ts';
import { ageColumn, nameColumn } from './columns.ts';
import { validateDataKeys, validateFrozenData } from './data-keys.ts';
import type { KindDefinition } from './definition.ts';

export const secretKind: KindDefinition<'Secret'> = {
  kind: 'Secret',
  group: '',
  version: 'v1',
  plural: 'secrets',
  singular: 'secret',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  schema: secretSchema,
  description: 'Confidential values that pods read as variables or files.',
  nameRule: dnsSubdomain,
  countsGenerations: false,
  defaults(secret) {
    secret.type ??= 'Opaque';
    if (!secret.stringData) return;
    secret.data ??= {};
    for (const [key, text] of Object.entries(secret.stringData)) secret.data[key] = base64(new TextEncoder().encode(text));
    delete secret.stringData;
  },
  validate: (secret) => validateDataKeys({ data: secret.data }, ['data']),
  validateUpdate: (next, previous) => [
    ...(next.type === previous.type ? [] : [immutable('type', next.type)]),
    ...validateFrozenData(next, previous, ['data']),
  ],
  selectableFields: [{ field: 'type', value: (secret) => secret.type ?? '' }],
  columns: [
    nameColumn,
    { name: 'Type', type: 'string', description: 'What kind of secret.', cell: ({ type }) => type ?? '' },
    { name: 'Data', type: 'integer', description: 'Number of keys.', cell: ({ data = {} }) => Object.keys(data).length },
    ageColumn,
  ],
};
