import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { PAGES } from '../../core/console/pages.ts';

/**
 * dist/console: index.html, what it loads below assets/ (names with hashes, no inline script or style), and pages.json: the paths that
 * are answered with index.html, for who serves the files without our code.
 */
export async function buildConsole({ outdir, say }: { readonly outdir: string; readonly say: (line: string) => void }) {
  await rm(outdir, { recursive: true, force: true });
  const assets = join(outdir, 'assets');
  const { metafile } = await build({
    entryPoints: [
      { in: 'console/main.tsx', out: 'console' },
      { in: 'console/style/console.css', out: 'console' },
    ],
    outdir: assets,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    logLevel: 'silent',
  }).catch((error: Error) => {
    throw new Error(`bundling the console: ${error.message}`);
  });
  const files = Object.keys(metafile.outputs).map((path) => `/assets/${basename(path)}`);
  const named = (end: string) => files.find((file) => file.endsWith(end)) ?? '';
  const icon = await readFile('console/icon.svg');
  const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`;
  await mkdir(assets, { recursive: true });
  await writeFile(join(assets, iconName), icon);
  const html = (await readFile('console/index.html', 'utf8'))
    .replace('%SCRIPT%', named('.js'))
    .replace('%STYLE%', named('.css'))
    .replace('%ICON%', `/assets/${iconName}`);
  await writeFile(join(outdir, 'index.html'), html);
  await writeFile(join(outdir, 'pages.json'), JSON.stringify(PAGES));
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  say(`${outdir} (${Math.round(bytes / 1024)} KB)`);
}
