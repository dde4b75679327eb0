import { dnsLabel } from '../names.ts';
import { namespaceSchema } from '../schema/namespace.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

export const namespaceKind: KindDefinition<'Namespace'> = {
  kind: 'Namespace',
  group: '',
  version: 'v1',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  categories: [],
  namespaced: false,
  subresources: ['status'],
  schema: namespaceSchema,
  description: 'A scope for names. Deleting it deletes what is in it.',
  nameRule: dnsLabel,
  countsGenerations: false,
  prepareCreate(namespace) {
    namespace.status = { phase: 'Active' };
  },
  defaults(namespace) {
    namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name };
    namespace.spec ??= {};
    namespace.spec.finalizers ??= ['kubernetes'];
  },
  validate: () => [],
  validateUpdate: () => [],
  selectableFields: [{ field: 'status.phase', value: (namespace) => namespace.status?.phase ?? '' }],
  columns: [
    nameColumn,
    {
      name: 'Status',
      type: 'string',
      description: 'Active, or Terminating while it is emptied.',
      cell: ({ status }) => status?.phase ?? '',
    },
    ageColumn,
  ],
};
