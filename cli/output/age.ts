import { humanDuration } from '../../core/resources/duration.ts';

/** How long ago, short, as kubectl writes it: 5s, 3m20s, 2h5m, 4d. */
export function ageOf(since: number | string | undefined, now: number): string {
  const start = typeof since === 'string' ? Date.parse(since) : since;
  if (start === undefined || Number.isNaN(start)) return '-';
  return duration(Math.max(0, now - start));
}

/** How long until then, rounded up: a token for an hour says so also a second later. */
export function timeLeft(until: number, now: number): string {
  const left = until - now;
  const unit = left > 2 * DAY_MS ? DAY_MS : MINUTE_MS;
  return duration(Math.ceil(left / unit) * unit);
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Milliseconds as a person says them. */
export const duration = humanDuration;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** `90s`, `1h`, `1h30m`, `30d` in seconds; undefined when it isn't one. */
export function parseSeconds(text: string): number | undefined {
  if (!/^(\d+[smhdw])+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([smhdw])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
}
