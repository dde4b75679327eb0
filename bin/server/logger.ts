import type { Logger } from '../../core/ports/logger.ts';

type Level = 'info' | 'warn' | 'error';

/** One JSON object a line: time, level, message, then the fields. Errors become their message and, for `error`, their stack. */
export function jsonLogger(write: (line: string) => void, now: () => number = Date.now): Logger {
  const log =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      const shown = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value, level)]));
      write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...shown })}\n`);
    };
  return { info: log('info'), warn: log('warn'), error: log('error') };
}

function plain(value: unknown, level: Level): unknown {
  if (value instanceof Error) return level === 'error' ? (value.stack ?? value.message) : value.message;
  if (typeof value === 'bigint') return value.toString();
  return value;
}
