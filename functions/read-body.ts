import type { Context } from 'hono';
import type * as z from 'zod';
import { TerraneError } from '../core/errors/terrane-error.ts';

/** The request's bytes, at most `limit`: refused by Content-Length before they are read, and while they are if there is none. */
export async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = () => new TerraneError('body_too_large', `The body may have at most ${limit} bytes.`);
  const length = request.headers.get('content-length');
  if (Number(length ?? 0) > limit) throw tooLarge();
  if (length !== null) {
    // HTTP sees to it that the body is as long as it says; to read it as a stream takes several times as long.
    const bytes = Buffer.from(await request.arrayBuffer());
    if (bytes.length > limit) throw tooLarge();
    return bytes;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (request.body) {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > limit) throw tooLarge();
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks);
}

const BODY_LIMIT_BYTES = 16 * 1024;

/** A JSON body of a route of ours. An empty body is an empty object. */
export async function readJson<T extends z.ZodType>(c: Context, schema: T, limit = BODY_LIMIT_BYTES): Promise<z.infer<T>> {
  return parseJson(await readBytes(c.req.raw, limit), schema);
}

/** Throws `invalid_json`, or `invalid_request` with each field that is wrong. */
export function parseJson<T extends z.ZodType>(bytes: Uint8Array, schema: T): z.infer<T> {
  let json: unknown;
  try {
    json = bytes.length === 0 ? {} : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new TerraneError('invalid_json', `The body is not valid JSON: ${(error as Error).message}.`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.slice(0, 20).map(({ path, message }) => ({ field: path.join('.') || 'body', message }));
  const summary = details.map(({ field, message }) => `${field}: ${message}`).join('; ');
  throw new TerraneError('invalid_request', `The request is not valid: ${summary}.`, { details });
}
