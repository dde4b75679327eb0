import { jsonLine } from '../../core/logging/json-line.ts';
import { withCauses } from '../../core/logging/with-causes.ts';
import type { Logger } from '../../core/ports/logger.ts';

type Level = 'INFO' | 'WARN' | 'ERROR';

/**
 * One JSON object a line on stdout, as CloudWatch's JSON log format wants it (timestamp, level, message, then the fields), whatever clients
 * sent.
 */
export function lambdaLogger(write: (line: string) => void = (line) => void process.stdout.write(line)): Logger {
  const log =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      const shown = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]));
      const own = { timestamp: new Date().toISOString(), level, message };
      // First in the line, and no field takes their place: alarms count by level.
      write(jsonLine({ ...own, ...shown, ...own }));
    };
  return { info: log('INFO'), warn: log('WARN'), error: log('ERROR') };
}

function plain(value: unknown): unknown {
  if (value instanceof Error) return withCauses(value);
  return typeof value === 'bigint' ? value.toString() : value;
}
