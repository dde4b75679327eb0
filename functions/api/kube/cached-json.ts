import { createHash } from 'node:crypto';
import type { Context } from 'hono';

/** How long clients may use discovery without asking: a new kind is seen at the latest after this. */
const MAX_AGE_SECONDS = 300;

/** Answers with a document that only changes when the server is replaced: with an ETag, and 304 to who has it. */
export function cachedJson(c: Context, document: object, contentType = 'application/json'): Response {
  const text = JSON.stringify(document);
  const etag = `"${createHash('sha256').update(text).digest('hex').slice(0, 32)}"`;
  // Private: the URL needs a token, so no shared cache may keep the answer.
  const headers = { etag, vary: 'Accept', 'cache-control': `private, max-age=${MAX_AGE_SECONDS}` };
  const known = (c.req.header('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag)) return c.body(null, 304, headers);
  return c.body(text, 200, { ...headers, 'content-type': contentType });
}
