import { createHash } from 'node:crypto';
import { transformSync } from 'esbuild';

/** Jest transformer: TypeScript to ES modules by esbuild, as the product's own bundles are made. */
export default {
  getCacheKey: (source, path) => createHash('sha1').update(source).update(path).update('esbuild-1').digest('hex'),
  process: (source, path) =>
    transformSync(source, { loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline', sourcefile: path }),
};
