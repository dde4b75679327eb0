import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { agentLogger } from '../../agent/agent-log.ts';
import { jsonLogger } from '../../bin/server/logger.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { lambdaLogger } from '../../functions/hosted/logger.ts';

/** Everything that writes lines of a log, with where its lines go. */
const LOGGERS: readonly (readonly [string, (write: (line: string) => void) => Logger, boolean])[] = [
  ['the embedded server', (write) => jsonLogger(write, () => 0), true],
  ['a Lambda function', (write) => lambdaLogger(write), true],
  ['the agent', (write) => agentLogger(write, () => 0, false), false],
  ['the agent, for machines', (write) => agentLogger(write, () => 0, true), true],
];

const HOSTILE = [
  'x\r\n{"level":"ERROR","message":"forged"}',
  'x\u2028{"level":"ERROR"}\u2029',
  'x\u0085y\u000b\u000c',
  '\u001b[2J\u001b[1;31mred\u009b31m',
  'a\u0000b\u007f\u0008\u0008',
  'user\u202egnp.exe\u2066',
  '"},{"level":"ERROR","message":"forged',
  '\ud800 lone',
];

describe.each(LOGGERS)('the log of %s', (_, logger, json) => {
  function linesOf(message: string, fields: Record<string, unknown>): string[] {
    const lines: string[] = [];
    const log = logger((line) => void lines.push(line));
    log.info(message, fields);
    log.warn(message, fields);
    log.error(message, fields);
    return lines;
  }

  function expectOneLineEach(lines: readonly string[]): void {
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(line.endsWith('\n')).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      if (json) expect(typeof JSON.parse(line)).toBe('object');
    }
  }

  test.each(HOSTILE)('keeps %j to the line that it belongs to, wherever it stands', (text) => {
    expectOneLineEach(linesOf(text, { field: text, [text]: 1, error: new Error(text), nested: { a: [text] } }));
  });

  test('is one line for a record whatever it holds', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(anything, fc.dictionary(anything, fc.anything({ withBigInt: true })), (message, fields) => {
        expectOneLineEach(linesOf(message, fields));
      }),
      { numRuns: 300 },
    );
  });

  if (!json) return;

  test('says level and message itself, whatever fields are called', () => {
    const [line] = linesOf('refused', { level: 'ERROR', message: 'forged', time: 'never', timestamp: 'never' });
    const record = JSON.parse(line!) as Record<string, string>;
    expect(record['message']).toBe('refused');
    expect(record['level']).toMatch(/^info$/i);
    expect(Date.parse(record['timestamp'] === 'never' ? record['time']! : record['timestamp']!)).not.toBeNaN();
  });

  test('writes down what it can of what JSON can not', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const hostile = { toJSON: () => JSON.parse('{') as unknown };
    const [line] = linesOf('odd', { circle, hostile, big: 5n, nothing: undefined, deep: { big: 5n } });
    expect(JSON.parse(line!)).toMatchObject({
      big: '5',
      deep: { big: '5' },
      circle: expect.stringContaining('can not be logged'),
    });
  });
});
