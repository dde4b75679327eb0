import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'hono';

const compress = promisify(gzip);
/** Less fits into a few packets anyway, bytes. */
const WORTH_IT = 10_000;

/** JSON, in a tenth of its size where it is large and the client takes that (RFC 9110, Accept-Encoding). */
export async function compressedJson(c: Context, value: unknown): Promise<Response> {
  c.header('vary', 'accept-encoding');
  const text = JSON.stringify(value);
  if (text.length < WORTH_IT || !takesGzip(c.req.header('accept-encoding'))) {
    c.header('content-type', 'application/json');
    return c.body(text);
  }
  c.header('content-type', 'application/json');
  c.header('content-encoding', 'gzip');
  // The fastest level: JSON of services and pods repeats itself so much that more work gains little.
  return c.body(new Uint8Array(await compress(text, { level: 1 })));
}

function takesGzip(accepted: string | undefined): boolean {
  return (accepted ?? '').split(',').some((coding) => /^\s*gzip\s*(;\s*q\s*=\s*(0\.\d*[1-9]\d*|1(\.0*)?)\s*)?$/i.test(coding));
}
