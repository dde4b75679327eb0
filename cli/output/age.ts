import { humanDuration } from '../../core/resources/duration.ts';
import { parseDuration } from '../../core/resources/go-duration.ts';

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

/** `90s`, `1h`, `1h30m`, `30d`, `2w` in whole seconds; undefined when it isn't one. */
export function parseSeconds(text: string): number | undefined {
  const ms = parseDuration(text.replaceAll(/(\d+)w/g, (_, weeks: string) => `${Number(weeks) * 7}d`));
  return ms === undefined || ms % 1000 !== 0 ? undefined : ms / 1000;
}
