import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface BundleOptions {
  /** Output is <outdir>/<name>.mjs. */
  readonly name: string;
  readonly entry: string;
  readonly outdir: string;
  /** Put what is imported lazily into files of its own, so that starting reads only what a command needs. */
  readonly split?: boolean;
  readonly minify?: boolean;
  readonly executable?: boolean;
  readonly say: (line: string) => void;
}

/** What a bundle was made from: its files with their hashes. */
interface Stamp {
  readonly inputs: Record<string, string>;
}

/** A script that the agent brings along wherever it runs from (agent/fencing/guard-process.ts). */
const FENCE_GUARD = 'agent/install/fence-guard.sh';

/** Bundles one entry for Node, unless nothing it was made from has changed. */
export async function bundle(options: BundleOptions): Promise<void> {
  const { name, entry, outdir, split = false, minify = false, executable = false, say } = options;
  const outfile = join(outdir, `${name}.mjs`);
  const stampFile = join(outdir, `.${name}.stamp.json`);
  if (await upToDate(stampFile, outfile)) {
    say(`${outfile} is up to date`);
    return;
  }
  const chunks = `${name}-chunks`;
  await rm(join(outdir, chunks), { recursive: true, force: true });
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  const fenceGuard = await readFile(FENCE_GUARD, 'utf8');
  const result = await build({
    entryPoints: [{ in: entry, out: name }],
    outdir,
    bundle: true,
    splitting: split,
    minify,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    chunkNames: `${chunks}/[name]-[hash]`,
    mainFields: ['module', 'main'],
    // Binaries found at run time, by path.
    external: ['@dynoxide/*'],
    define: {
      'process.env.TERRANE_VERSION': JSON.stringify(version),
      'process.env.TERRANE_FENCE_GUARD': JSON.stringify(fenceGuard),
    },
    banner: {
      js:
        (executable ? '#!/usr/bin/env node\n' : '') +
        // CommonJS dependencies ask for `require`, which ES modules lack.
        "import { createRequire as __createRequire } from 'node:module'; globalThis.require ??= __createRequire(import.meta.url);",
    },
    metafile: true,
    logLevel: 'silent',
  }).catch((error: Error) => {
    throw new Error(`bundling ${entry}: ${error.message}`);
  });
  if (executable) await chmod(outfile, 0o755);
  await writeStamp(stampFile, Object.keys(result.metafile.inputs));
  const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  say(`${outfile} (${Math.round(bytes / 1024)} KB)`);
}

async function upToDate(stampFile: string, outfile: string): Promise<boolean> {
  try {
    const [stamp] = await Promise.all([readFile(stampFile, 'utf8'), readFile(outfile)]);
    const { inputs } = JSON.parse(stamp) as Stamp;
    const now = await Promise.all(Object.keys(inputs).map(fileHash));
    return Object.values(inputs).every((hash, i) => hash === now[i]);
  } catch {
    return false;
  }
}

async function writeStamp(stampFile: string, files: readonly string[]): Promise<void> {
  // node_modules changes only with the lock file; this file's own settings count too.
  const own = files.filter((file) => !file.includes('node_modules/'));
  const paths = [...own, FENCE_GUARD, 'package.json', 'package-lock.json', 'bin/build/bundle.ts'];
  const hashes = await Promise.all(paths.map(fileHash));
  const inputs = Object.fromEntries(paths.map((path, i) => [path, hashes[i]!]));
  await mkdir(join(stampFile, '..'), { recursive: true });
  await writeFile(stampFile, JSON.stringify({ inputs } satisfies Stamp));
}

async function fileHash(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
