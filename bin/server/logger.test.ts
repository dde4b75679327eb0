import { expect, test } from '@jest/globals';
import { jsonLogger } from './logger.ts';

test('a log line is one JSON object, also with newlines and errors in its fields', () => {
  const lines: string[] = [];
  const logger = jsonLogger(
    (line) => lines.push(line),
    () => 0,
  );
  logger.warn('forged\n{"level":"error"}', { name: 'a\nb', error: new Error('broke'), count: 5n });
  expect(lines).toHaveLength(1);
  expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1);
  expect(JSON.parse(lines[0]!)).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    level: 'warn',
    message: 'forged\n{"level":"error"}',
    name: 'a\nb',
    error: 'broke',
    count: '5',
  });
});
