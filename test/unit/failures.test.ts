import { expect, test } from '@jest/globals';
import { type FileReport, failuresOf, summary } from '../failures.ts';

const file = (over: Partial<FileReport>): FileReport => ({
  name: '/repo/test/a.test.ts',
  status: 'failed',
  assertionResults: [],
  ...over,
});

const failed = (fullName: string, ...failureMessages: string[]) => ({ fullName, status: 'failed', failureMessages });

test('each failed test is named with its file, those that passed or were skipped are not', () => {
  const assertionResults = [
    failed('a promise is kept', 'Error: it was not'),
    { fullName: 'another', status: 'passed', failureMessages: [] },
    { fullName: 'a third', status: 'pending', failureMessages: null },
  ];
  expect(summary(failuresOf([file({ assertionResults }), file({ status: 'passed' })], '/repo'))).toEqual([
    'failed:',
    '  test/a.test.ts › a promise is kept',
    '    Error: it was not',
  ]);
});

test('a file that could not be loaded is named with the reason', () => {
  expect(summary(failuresOf([file({ message: 'SyntaxError: no' })], '/repo'))).toEqual([
    'failed:',
    '  test/a.test.ts',
    '    SyntaxError: no',
  ]);
});

test('of a message the words stay, and the first line of the stack that is ours', () => {
  const message = [
    '\u001b[31mError: gave up\u001b[39m',
    '',
    '    at pass (/repo/node_modules/jest/x.js:1:1)',
    '    at node:internal/timers:5:3',
    '    at mine (/repo/test/a.test.ts:7:9)',
    '    at also (/repo/test/a.test.ts:9:9)',
  ].join('\n');
  expect(summary([{ title: 't', message }])).toEqual([
    'failed:',
    '  t',
    '    Error: gave up',
    '    at mine (/repo/test/a.test.ts:7:9)',
  ]);
});

test('messages share what there is room for, and each keeps its beginning', () => {
  const failures = Array.from({ length: 30 }, (_, index) => ({
    title: `t${index}`,
    message: `Error ${index}: ${'x'.repeat(5000)}`,
  }));
  const lines = summary(failures);
  expect(lines.join('\n').length).toBeLessThan(30 * 200);
  for (const { title } of failures) expect(lines).toContain(`  ${title}`);
  expect(lines.filter((line) => line.startsWith('    Error'))).toHaveLength(30);
  expect(summary(failures.slice(0, 1)).join('\n').length).toBeGreaterThan(1400);
  expect(summary(failures.slice(0, 1)).join('\n').length).toBeLessThan(1700);
});

test('without failures nothing is said', () => {
  expect(summary(failuresOf([file({ status: 'passed' })], '/repo'))).toEqual([]);
});
