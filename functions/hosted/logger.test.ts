import { expect, test } from '@jest/globals';
import { lambdaLogger } from './logger.ts';

test('what a client sent can not start a log line of its own', () => {
  const lines: string[] = [];
  const log = lambdaLogger((line) => lines.push(line));
  log.warn('refused', { name: 'x\n{"level":"ERROR","message":"forged"}\r\n', size: 10n, error: new Error('first\nsecond') });
  expect(lines).toHaveLength(1);
  expect(lines[0]!.trimEnd()).not.toMatch(/[\r\n]/);
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'WARN', message: 'refused', size: '10' });
});
