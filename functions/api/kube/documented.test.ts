import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { kinds } from '../../../core/resources/kinds/index.ts';
import { fieldOutline } from './testing/field-outline.ts';

const text = await readFile(new URL('../../../docs/kubernetes-api.md', import.meta.url), 'utf8');

test('docs/kubernetes-api.md lists exactly the fields that are served', () => {
  const [, section] = text.split('<!-- fields -->\n');
  expect(section).toBe(`\n${fieldOutline()}\n`);
});

test('docs/kubernetes-api.md names every kind with its short names', () => {
  for (const { kind, plural, shortNames } of kinds) expect(text).toContain(`| ${kind} | ${[plural, ...shortNames].join(', ')} |`);
});
