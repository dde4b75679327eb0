import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/** What the console calls "on the command line" is there, with the options that it shows. */
const root = join(import.meta.dirname, '../..');
const sources = (directory: string) =>
  readdirSync(join(root, directory), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));

const shown = [
  ...new Set(sources('console').flatMap((text) => [...text.matchAll(/[>'`](terrane [a-z][^'`<\n]*)/g)].map(([, line]) => line!))),
];
const commands = sources('cli').join('\n');

test('there are some', () => expect(shown.length).toBeGreaterThan(15));

test.each(shown)('%s', (line) => {
  const words = line.replace(/\$\{[^}]*\}/g, 'X').split(/[ "]+/);
  const [, noun] = words;
  expect(commands).toContain(`new Command('${noun}')`);
  for (const option of words.filter((word) => word.startsWith('--'))) expect(commands).toContain(option);
});
