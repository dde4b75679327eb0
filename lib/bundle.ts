import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import { type BuildOptions, buildSync } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** CommonJS dependencies ask for `require`, which ES modules lack. */
const REQUIRE =
  "import{createRequire as __createRequire}from'node:module';globalThis.require??=__createRequire(import.meta.url);";

/** How functions/<name>/handler.ts is bundled into a directory. */
export function buildOptions(name: string, outdir: string): BuildOptions {
  return {
    absWorkingDir: ROOT,
    entryPoints: [{ in: `functions/${name}/handler.ts`, out: 'index' }],
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    chunkNames: 'lazy/[name]-[hash]',
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: { js: REQUIRE },
    define: { 'process.env.TERRANE_VERSION': JSON.stringify(version) },
    legalComments: 'none',
    logLevel: 'error',
  };
}

/**
 * functions/<name>/handler.ts as `index.mjs`, with its own SDK. What is imported lazily (mail, credentials that Lambda doesn't use)
 * becomes files of its own, which a start doesn't read: that is why CDK's own bundler, which makes one file, isn't used.
 * `files`: path -> path below the bundle's directory; those that don't exist are left out.
 */
export function bundle(name: string, files: Readonly<Record<string, string>>): AssetCode {
  return Code.fromAsset(join(ROOT, 'functions', name), {
    // The result is what counts: sources outside this directory go in, and tests don't.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never used: what fails locally fails.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle(directory) {
          buildSync(buildOptions(name, directory));
          for (const [from, to] of Object.entries(files)) {
            if (!existsSync(from)) continue;
            mkdirSync(dirname(join(directory, to)), { recursive: true });
            cpSync(from, join(directory, to));
          }
          return true;
        },
      },
    },
  });
}
