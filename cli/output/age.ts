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
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 8 ? two(days, 'd', hours % 24, 'h') : `${days}d`;
}

function two(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return `${big}${bigUnit}${small ? `${small}${smallUnit}` : ''}`;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** `90s`, `1h`, `1h30m`, `30d` in seconds; undefined when it isn't one. */
export function parseSeconds(text: string): number | undefined {
  if (!/^(\d+[smhdw])+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([smhdw])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
}
