import type { Logger } from '../core/ports/logger.ts';

/** Log lines for a person (`--json`: for a machine). `write` takes whole lines. */
export function agentLogger(write: (line: string) => void, now: () => number, json: boolean): Logger {
  const log =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, fields: Record<string, unknown> = {}) => {
      const time = new Date(now()).toISOString();
      if (json) return write(`${JSON.stringify({ time, level, message, ...fields })}\n`);
      const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${textOf(value)}`);
      write(`${time} ${level.padEnd(5)} ${message}${rest.join('')}\n`);
    };
  return { info: log('info'), warn: log('warn'), error: log('error') };
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return /[\s"]/.test(text) ? JSON.stringify(text) : text;
}
