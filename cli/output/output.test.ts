import { describe, expect, test } from '@jest/globals';
import type { Io } from '../io.ts';
import { ageOf, duration, parseSeconds, timeLeft } from './age.ts';
import { note } from './print.ts';
import { reportError } from './report-error.ts';
import { printTable } from './table.ts';

function io(options: { terminal?: boolean; env?: Io['env'] } = {}): { io: Io; text: () => string } {
  let text = '';
  const output = {
    isTerminal: options.terminal ?? false,
    columns: undefined,
    write: async (more: string | Uint8Array) => void (text += String(more)),
  };
  return { io: { out: output, err: output, env: options.env ?? {} } as unknown as Io, text: () => text };
}

describe('times', () => {
  test.each([
    [0, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [200_000, '3m20s'],
    [3 * 3_600_000 + 60_000, '3h1m'],
    [30 * 3_600_000, '30h'],
    [50 * 3_600_000, '2d2h'],
    [90 * 86_400_000, '90d'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  test('an age of nothing, or from the future', () => {
    expect(ageOf(undefined, 0)).toBe('-');
    expect(ageOf('garbage', 0)).toBe('-');
    expect(ageOf(5000, 0)).toBe('0s');
  });

  test('time left is rounded up', () =>
    expect([timeLeft(3_599_000, 0), timeLeft(90 * 86_400_000 - 5, 0)]).toEqual(['60m', '90d']));

  test.each([
    ['90s', 90],
    ['1h30m', 5400],
    ['30d', 2_592_000],
    ['1w', 604_800],
    ['', undefined],
    ['5', undefined],
    ['1h x', undefined],
    ['-1h', undefined],
  ])('%s is %s seconds', (text, seconds) => expect(parseSeconds(text)).toBe(seconds));
});

describe('a table', () => {
  const columns = [
    { title: 'NAME', value: ({ name }: { name: string | undefined }) => name },
    { title: 'X', value: () => 1, colour: () => 'green' as const },
  ];

  test('is as wide as its cells, with - for nothing, without blanks at the ends of lines', async () => {
    const { io: one, text } = io();
    await printTable(one, columns, [{ name: 'größer' }, { name: undefined }]);
    expect(text()).toBe('NAME    X\ngrößer  1\n-       1\n');
  });

  test('lets no cell steer the terminal or break the line', async () => {
    const { io: one, text } = io();
    await printTable(one, columns, [{ name: '\u001b[2Jred\r\b\u0007\nnext' }], false);
    expect(text()).toBe('red next  1\n');
  });

  test.each([
    [true, {}, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
    [false, { CLICOLOR_FORCE: '1' }, true],
  ])('terminal %s, %j: colour %s', async (terminal, env, coloured) => {
    const { io: one, text } = io({ terminal, env });
    await printTable(one, columns, [{ name: 'a' }]);
    expect(text().includes('\u001b[32m')).toBe(coloured);
  });
});

test('an error of the server or the agent that says what to do is printed with it', async () => {
  const { io: one, text } = io();
  expect(await reportError(Object.assign(new Error('no'), { fix: 'Do this.' }), one, false)).toBe(1);
  expect(text()).toBe('error: no\n  Do this.\n');
});

test('what a server answers or warns of steers no terminal', async () => {
  const { io: one, text } = io();
  const hostile = '\u001b]0;title\u0007conflict "\u001b[31mred"\rerror: all is well\u009b2J';
  await reportError(Object.assign(new Error(hostile), { fix: `a\n${hostile}` }), one, false);
  await note(one, false, `warning: ${hostile}`);
  const plain = 'conflict "red"error: all is well';
  expect(text()).toBe(`error: ${plain}\n  a\n  ${plain}\nwarning: ${plain}\n`);
});

test('a reader that has gone is no error', async () => {
  const { io: one, text } = io();
  expect(await reportError(Object.assign(new Error('write'), { code: 'EPIPE' }), one, false)).toBe(0);
  expect(text()).toBe('');
});
