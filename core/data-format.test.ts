import { expect, test } from '@jest/globals';
import { formatProblem, formatText } from './data-format.ts';

test('what a program wrote itself, or an older one, can be used', () => {
  for (const format of [1, 2, 3]) expect(formatProblem('/d', formatText(format), 3)).toBeUndefined();
});

test('a newer format is refused, and the words say whose it is and which', () => {
  const { because, message } = formatProblem('/d', formatText(4), 3)!;
  expect(because).toBe('newer');
  for (const word of ['/d', 'newer Terrane', 'format is 4', 'up to 3', 'nothing in it was changed'])
    expect(message).toContain(word);
});

test('what is no format is damage, and is not taken for an old one', () => {
  for (const text of ['', '\n', '0\n', '-1\n', '1.5\n', 'one\n', '1\n2\n', ' 1\n', '\0\0', '9'.repeat(40)]) {
    expect(formatProblem('/d', text, 3)).toEqual({
      because: 'damaged',
      message: expect.stringContaining('/d/format is damaged'),
    });
  }
});
