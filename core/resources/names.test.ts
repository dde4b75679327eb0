import { describe, expect, test } from '@jest/globals';
import { dns1035Label, dnsLabel, dnsSubdomain, labelValue, type NameRule, qualifiedName, validateAnnotations } from './names.ts';

const cases: [string, NameRule, string[], string[]][] = [
  ['RFC 1123 label', dnsLabel, ['a', '0', 'a-b', 'x'.repeat(63)], ['', 'A', '-a', 'a-', 'a.b', 'a_b', 'x'.repeat(64), 'ä']],
  ['RFC 1035 label', dns1035Label, ['a', 'a-0'], ['0a', '', 'a.b']],
  ['RFC 1123 subdomain', dnsSubdomain, ['a.b', '0.1-2', 'x'.repeat(253)], ['a..b', '.a', 'a.', 'A.b', 'x'.repeat(254), 'a/b']],
  ['label value', labelValue, ['', 'a', 'A_b.c-1', 'x'.repeat(63)], ['-a', 'a-', 'a b', 'x'.repeat(64), 'a/b']],
  [
    'qualified name',
    qualifiedName,
    ['a', 'example.com/a', 'A_b.c'],
    ['', '/a', 'example.com/', 'a/b/c', 'Example.com/a', 'x'.repeat(64)],
  ],
];

describe.each(cases)('%s', (_what, rule, good, bad) => {
  test.each(good)('%j is one', (name) => expect(rule(name)).toBeUndefined());
  test.each(bad)('%j is not, and the reason is a sentence', (name) => expect(rule(name)).toMatch(/must|no more/));
});

test('annotations have at most 256 KiB together', () => {
  expect(validateAnnotations({ a: 'x'.repeat(262_143) }, 'f')).toEqual([]);
  expect(validateAnnotations({ a: 'x'.repeat(262_144) }, 'f')).toEqual([
    expect.objectContaining({ reason: 'FieldValueTooLong' }),
  ]);
});
