import { jsonLine, jsonText, visible } from '../core/logging/json-line.ts';
import type { Logger } from '../core/ports/logger.ts';

/** Log lines for a person (`--json`: for a machine). `write` takes whole lines. */
export function agentLogger(write: (line: string) => void, now: () => number, json: boolean): Logger {
  const log =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, fields: Record<string, unknown> = {}) => {
      const time = new Date(now()).toISOString();
      const own = { time, level, message };
      if (json) return write(jsonLine({ ...own, ...fields, ...own }));
      const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${textOf(value)}`);
      // Messages quote what others said: the engine, the control plane, a container's image.
      write(`${visible(`${time} ${level.padEnd(5)} ${message}${rest.join('')}`)}\n`);
    };
  return { info: log('info'), warn: log('warn'), error: log('error') };
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : jsonText(value);
  return /[\s"]/.test(text) ? JSON.stringify(text) : text;
}
