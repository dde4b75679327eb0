import type { UnitOption } from './unit-file.ts';

/** A unit that has to leave its host is killed when it has been stopping for so long, unless it asks for longer. */
export const UNIT_STOP_SECONDS = 600;
const MOST_SECONDS = 86_400;

/**
 * For how long a unit that has to leave its host may be stopping, seconds: ten minutes, or its TimeoutStopSec= (TimeoutSec=) if that is longer, at most a
 * day. "infinity" is no reason to hold up a drain or a reboot without end. systemd.service(5).
 */
export function stopSecondsOf(options: readonly UnitOption[]): number {
  const given = options.filter(
    ({ section, name }) => section === 'Service' && (name === 'TimeoutStopSec' || name === 'TimeoutSec'),
  );
  const seconds = timeSpanSeconds(given.at(-1)?.value ?? '') ?? 0;
  return Math.min(Math.max(UNIT_STOP_SECONDS, Math.ceil(seconds)), MOST_SECONDS);
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  ...every(['us', 'usec', 'µs'], 1e-6),
  ...every(['ms', 'msec'], 1e-3),
  ...every(['s', 'sec', 'second', 'seconds'], 1),
  ...every(['m', 'min', 'minute', 'minutes'], 60),
  ...every(['h', 'hr', 'hour', 'hours'], 3600),
  ...every(['d', 'day', 'days'], 86_400),
  ...every(['w', 'week', 'weeks'], 7 * 86_400),
};

function every(names: readonly string[], seconds: number): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, seconds]));
}

/** systemd.time(7): "5min 20s", "90". undefined: without end, or nothing that systemd would understand. */
function timeSpanSeconds(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*([a-zµ]*)\s*/gy)];
  if (parts.length === 0 || parts.reduce((length, [all]) => length + all.length, 0) !== text.length) return undefined;
  let sum = 0;
  for (const [, amount, unit = ''] of parts) {
    const seconds = UNITS[unit];
    if (seconds === undefined) return undefined;
    sum += Number(amount) * seconds;
  }
  return sum;
}
