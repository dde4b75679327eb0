import type { Logger } from '../../core/ports/logger.ts';

type Level = 'INFO' | 'WARN' | 'ERROR';

/**
 * One JSON object a line on stdout, as CloudWatch's JSON log format wants it (timestamp, level, message, then the fields). Escaped
 * by JSON, so that nothing a client sent can start a line of its own.
 */
export function lambdaLogger(write: (line: string) => void = (line) => void process.stdout.write(line)): Logger {
  const log =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      const shown = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]));
      write(`${JSON.stringify({ timestamp: new Date().toISOString(), level, message, ...shown })}\n`);
    };
  return { info: log('INFO'), warn: log('WARN'), error: log('ERROR') };
}

function plain(value: unknown): unknown {
  if (value instanceof Error) return value.stack ?? value.message;
  return typeof value === 'bigint' ? value.toString() : value;
}
