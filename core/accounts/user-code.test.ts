import { expect, test } from '@jest/globals';
import { newUserCode, parseUserCode } from './user-code.ts';

test('a user code is read back however it is typed', () => {
  const code = newUserCode((below) => below - 1);
  expect(code).toBe('ZZZZ-ZZZZ');
  for (const typed of [code, 'zzzzzzzz', ' zzzz zzzz ', 'ZZ-ZZ-ZZ-ZZ']) expect(parseUserCode(typed)).toBe(code);
});

test.each(['', 'ZZZZ-ZZZ', 'ZZZZ-ZZZZZ', 'AAAA-AAAA', '0000-0000', 'x'.repeat(1000)])('%j is none', (text) => {
  expect(parseUserCode(text)).toBeUndefined();
});
