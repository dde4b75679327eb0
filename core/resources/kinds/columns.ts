import { humanDuration } from '../duration.ts';
import type { LabelSelector, ObjectMeta } from '../schema/meta.ts';
import type { Column } from './definition.ts';

/** Columns that several kinds share. */

interface WithMeta {
  metadata: ObjectMeta;
}

export const nameColumn: Column<WithMeta> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name, unique in its namespace.',
  cell: (object) => object.metadata.name,
};

export const ageColumn: Column<WithMeta> = {
  name: 'Age',
  type: 'string',
  description: 'Time since creation.',
  cell: (object, nowMs) => age(object.metadata.creationTimestamp, nowMs),
};

/** `<unknown>` if there is no timestamp. */
export function age(timestamp: string | undefined, nowMs: number): string {
  const since = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(since) ? '<unknown>' : humanDuration(nowMs - since);
}

/** `a=1,b=2`, or `<none>`. */
export function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(',');
}

/** `a=1,b in (x,y),!c`, or `<none>`: everything. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): string {
  const parts = [
    ...(Object.keys(matchLabels).length > 0 ? [labelText(matchLabels)] : []),
    ...matchExpressions.map(({ key, operator, values = [] }) => {
      if (operator === 'Exists') return key;
      if (operator === 'DoesNotExist') return `!${key}`;
      return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
    }),
  ];
  return parts.join(',') || '<none>';
}
