import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { PAGES } from '../../core/console/pages.ts';

/**
 * dist/console: index.html, what it loads below assets/ (names with hashes, no inline script or style), and pages.json: the paths that
 * are answered with index.html, for who serves the files without our code. What is as it should be is not touched: a server may be reading it.
 */
export async function buildConsole({ outdir, say }: { readonly outdir: string; readonly say: (line: string) => void }) {
  const { outputFiles } = await build({
    entryPoints: [
      { in: 'console/main.tsx', out: 'console' },
      { in: 'console/style/console.css', out: 'console' },
    ],
    outdir: 'assets',
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    write: false,
    logLevel: 'silent',
  }).catch((error: Error) => {
    throw new Error(`bundling the console: ${error.message}`);
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [`assets/${basename(path)}`, Buffer.from(contents)]));
  const named = (end: string) => `/${[...files.keys()].find((file) => file.endsWith(end)) ?? ''}`;
  const icon = await readFile('console/icon.svg');
  const iconName = `assets/icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`;
  const html = (await readFile('console/index.html', 'utf8'))
    .replace('%SCRIPT%', named('.js'))
    .replace('%STYLE%', named('.css'))
    .replace('%ICON%', `/${iconName}`);
  files
    .set(iconName, icon)
    .set('index.html', Buffer.from(html))
    .set('pages.json', Buffer.from(JSON.stringify(PAGES)));
  if (await holds(outdir, files)) return say(`${outdir} is up to date`);

  await rm(outdir, { recursive: true, force: true });
  for (const [path, content] of files) {
    await mkdir(dirname(join(outdir, path)), { recursive: true });
    await writeFile(join(outdir, path), content);
  }
  const bytes = outputFiles.reduce((sum, { contents }) => sum + contents.length, 0);
  say(`${outdir} (${Math.round(bytes / 1024)} KB)`);
}

/** These files, and no others. */
async function holds(directory: string, files: ReadonlyMap<string, Buffer>): Promise<boolean> {
  try {
    const there = await readdir(directory, { recursive: true });
    // With the directory `assets`.
    if (there.length !== files.size + 1) return false;
    for (const [path, content] of files) if (!content.equals(await readFile(join(directory, path)))) return false;
    return true;
  } catch {
    return false;
  }
}
