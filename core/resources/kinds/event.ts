import { dnsSubdomain } from '../names.ts';
import { type Event, eventSchema } from '../schema/event.ts';
import { age, nameColumn } from './columns.ts';
import type { KindDefinition, SelectableField } from './definition.ts';

type ObjectField = keyof Event['involvedObject'];
const involved = (name: ObjectField): SelectableField<Event> => ({
  field: `involvedObject.${name}`,
  value: (event) => event.involvedObject[name] ?? '',
});

export const eventKind: KindDefinition<'Event'> = {
  kind: 'Event',
  group: '',
  version: 'v1',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  categories: [],
  namespaced: true,
  subresources: [],
  schema: eventSchema,
  description: 'Something that happened to an object, and why. Kept for an hour.',
  nameRule: dnsSubdomain,
  countsGenerations: false,
  defaults: () => {},
  validate: () => [],
  validateUpdate: () => [],
  selectableFields: [
    ...(['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const).map(involved),
    { field: 'reason', value: (event) => event.reason ?? '' },
    { field: 'reportingComponent', value: (event) => event.reportingComponent ?? '' },
    { field: 'source', value: (event) => event.source?.component ?? event.reportingComponent ?? '' },
    { field: 'type', value: (event) => event.type ?? '' },
  ],
  columns: [
    {
      name: 'Last Seen',
      type: 'string',
      description: 'When it last happened.',
      cell: (event, nowMs) => age(lastSeen(event), nowMs),
    },
    { name: 'Type', type: 'string', description: 'Normal or Warning.', cell: ({ type }) => type ?? '' },
    { name: 'Reason', type: 'string', description: 'One word for what happened.', cell: ({ reason }) => reason ?? '' },
    {
      name: 'Object',
      type: 'string',
      description: 'What it happened to.',
      cell: ({ involvedObject: { kind, name } }) => `${(kind ?? '').toLowerCase()}/${name ?? ''}`,
    },
    {
      name: 'Subobject',
      type: 'string',
      priority: 1,
      description: 'Part of the object.',
      cell: ({ involvedObject }) => involvedObject.fieldPath ?? '',
    },
    {
      name: 'Source',
      type: 'string',
      priority: 1,
      description: 'Who reported it.',
      cell: ({ source, reportingComponent }) =>
        [source?.component ?? reportingComponent, source?.host].filter(Boolean).join(', '),
    },
    {
      name: 'Message',
      type: 'string',
      description: 'What happened, in a sentence.',
      cell: ({ message }) => (message ?? '').trim(),
    },
    {
      name: 'First Seen',
      type: 'string',
      priority: 1,
      description: 'When it first happened.',
      cell: (event, nowMs) => age(event.firstTimestamp ?? event.eventTime, nowMs),
    },
    { name: 'Count', type: 'integer', priority: 1, description: 'How often it happened.', cell: ({ count }) => count ?? 1 },
    { ...nameColumn, priority: 1 },
  ],
};

function lastSeen(event: Event): string | undefined {
  return event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp;
}
