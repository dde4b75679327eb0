import type { ObjectMeta } from '../schema/meta.ts';
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

/** Two significant units, as kubectl prints durations: 45s, 3m20s, 17m, 5h12m, 3d4h, 40d, 2y30d. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds <= 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** `a=1,b=2`, or `<none>`. */
export function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(',');
}
