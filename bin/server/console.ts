import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type Context, Hono, type NotFoundHandler } from 'hono';
import { isMistypedPage, PAGES } from '../../core/console/pages.ts';
import { ASSET_CACHE, CONSOLE_HEADERS, HSTS, PAGE_CACHE } from '../../core/console/security-headers.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { ApiEnv } from '../../functions/context.ts';
import { errorResponse } from '../../functions/on-error.ts';

/** The console's files, in memory: they are few and small. */
export interface ConsoleFiles {
  readonly index: string;
  /** By name below /assets/. */
  readonly assets: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** Undefined if the console was not built. */
export async function readConsole(directory: string): Promise<ConsoleFiles | undefined> {
  try {
    const names = await readdir(join(directory, 'assets'));
    const read = async (name: string) => [name, new Uint8Array(await readFile(join(directory, 'assets', name)))] as const;
    return { index: await readFile(join(directory, 'index.html'), 'utf8'), assets: new Map(await Promise.all(names.map(read))) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The web console at `/`, as CloudFront serves it in the hosted service: its pages and assets, and no other path. */
export function serveConsole(files: ConsoleFiles | undefined, publicUrl: string): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const headers = headersAt(publicUrl);
  const page = (c: Context) => {
    if (!files) throw new TerraneError('not_found', 'The console is not built here.', { fix: 'Run: npm run build' });
    return c.html(files.index, 200, { ...headers, 'cache-control': PAGE_CACHE });
  };
  for (const path of PAGES) app.get(path, page);
  app.get('/assets/:name', (c) => {
    const name = c.req.param('name');
    const bytes = files?.assets.get(name);
    if (!bytes) throw new TerraneError('not_found');
    const type = TYPES[extname(name)] ?? 'application/octet-stream';
    return c.body(bytes, 200, { ...headers, 'content-type': type, 'cache-control': ASSET_CACHE });
  });
  return app;
}

/** What no route is for: people are told so by the console, programs by an error. */
export function nothingHere(files: ConsoleFiles | undefined, publicUrl: string): NotFoundHandler {
  const headers = { ...headersAt(publicUrl), 'cache-control': PAGE_CACHE };
  return (c) =>
    files && isMistypedPage(c.req.method, c.req.path, c.req.header('accept'))
      ? c.html(files.index, 404, headers)
      : errorResponse(c, new TerraneError('not_found'));
}

function headersAt(publicUrl: string): Record<string, string> {
  const { protocol, port } = new URL(publicUrl);
  return { ...CONSOLE_HEADERS, ...(protocol === 'https:' && port === '' ? HSTS : {}) };
}
