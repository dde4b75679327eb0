import { jsonLine } from '../../core/logging/json-line.ts';
import { withCauses } from '../../core/logging/with-causes.ts';
import type { Logger } from '../../core/ports/logger.ts';

type Level = 'info' | 'warn' | 'error';

/** One JSON object a line, whatever clients sent: time, level, message, then the fields. Errors become their message and, for `error`, their stack. */
export function jsonLogger(write: (line: string) => void, now: () => number = Date.now): Logger {
  const log =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      const shown = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value, level)]));
      const own = { time: new Date(now()).toISOString(), level, message };
      // First in the line, and no field takes their place.
      write(jsonLine({ ...own, ...shown, ...own }));
    };
  return { info: log('info'), warn: log('warn'), error: log('error') };
}

function plain(value: unknown, level: Level): unknown {
  if (value instanceof Error) return level === 'error' ? withCauses(value) : value.message;
  if (typeof value === 'bigint') return value.toString();
  return value;
}
