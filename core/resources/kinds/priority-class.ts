import { type FieldError, forbiddenField, immutable, invalidValue } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { type PriorityClass, priorityClassSchema } from '../schema/priority-class.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

/** Above it is room for the system's own classes. */
const HIGHEST_USER_PRIORITY = 1_000_000_000;

export const priorityClassKind: KindDefinition<'PriorityClass'> = {
  kind: 'PriorityClass',
  group: 'scheduling.k8s.io',
  version: 'v1',
  plural: 'priorityclasses',
  singular: 'priorityclass',
  shortNames: ['pc'],
  categories: [],
  namespaced: false,
  subresources: [],
  schema: priorityClassSchema,
  description:
    'A name for how important pods are: the more important are placed first, and may take the place of the less important.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  defaults(priorityClass) {
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validate: ({ metadata, value }) => {
    const errors: FieldError[] = [];
    if (value > HIGHEST_USER_PRIORITY)
      errors.push(forbiddenField('value', `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`));
    if (metadata.name.startsWith('system-'))
      errors.push(
        invalidValue(
          'metadata.name',
          metadata.name,
          "priority class names with 'system-' prefix are reserved for system use only",
        ),
      );
    return errors;
  },
  // Pods keep the number that they were made with: a class that changed its own would say something else than its pods.
  validateUpdate: (next: PriorityClass, previous: PriorityClass) => [
    ...(next.value === previous.value ? [] : [immutable('value', next.value)]),
    ...(next.preemptionPolicy === previous.preemptionPolicy ? [] : [immutable('preemptionPolicy', next.preemptionPolicy)]),
  ],
  columns: [
    nameColumn,
    { name: 'Value', type: 'integer', description: 'How important.', cell: ({ value }) => value },
    {
      name: 'Global-Default',
      type: 'boolean',
      description: 'Whether pods that name no class get this one.',
      cell: ({ globalDefault }) => globalDefault ?? false,
    },
    ageColumn,
    {
      name: 'PreemptionPolicy',
      type: 'string',
      priority: 1,
      description: 'Whether its pods may take the place of less important ones.',
      cell: ({ preemptionPolicy }) => preemptionPolicy ?? '',
    },
  ],
};
