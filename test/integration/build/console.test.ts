import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { buildConsole } from '../../../bin/build/console.ts';

const outdir = join(mkdtempSync(join(tmpdir(), 'terrane-console-')), 'console');
afterAll(() => rmSync(join(outdir, '..'), { recursive: true }));

const files = () =>
  readdirSync(outdir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => [name, statSync(join(outdir, name)).ino] as const);

test('a build whose files are there touches none of them, since a server may be reading them; one that is wrong is made anew', async () => {
  await buildConsole({ outdir, say: () => {} });
  const first = files();
  expect(first.map(([name]) => name)).toEqual(expect.arrayContaining(['index.html', 'pages.json', 'assets']));
  await buildConsole({ outdir, say: () => {} });
  expect(files()).toEqual(first);

  writeFileSync(join(outdir, 'assets', 'of-an-older-build.js'), '');
  await buildConsole({ outdir, say: () => {} });
  expect(files().map(([name]) => name)).toEqual(first.map(([name]) => name));
});
