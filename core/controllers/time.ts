/** Times in resources, as they are written and read. */
export { timestamp } from '../resources/timestamp.ts';

/** ms since the epoch; undefined for a missing or malformed time. */
export function parseTime(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
