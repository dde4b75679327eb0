import type { Context } from 'hono';
import { CODE, EtcdError } from '../../../core/etcd/errors.ts';
import type { Field } from '../../../core/etcd/json/fields.ts';
import { parseJson, parseJsonStream } from '../../../core/etcd/json/parse.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { readBytes } from '../../read-body.ts';

/** 1.5 MB of keys and values take a third more in base64; and as much again for many small ones. */
const BODY_BYTES_MAX = 4_000_000;

/** Throws EtcdError. An empty body is a message of zeros. */
export async function readMessage<T>(c: Context, field: Field<T>): Promise<T> {
  const text = await readText(c);
  return decode(field, text.trim() === '' ? undefined : parseJson(text));
}

/** The messages of a request stream, sent at once. */
export async function readMessages<T>(c: Context, field: Field<T>): Promise<T[]> {
  return parseJsonStream(await readText(c)).map((json) => decode(field, json));
}

function decode<T>(field: Field<T>, json: unknown): T {
  try {
    return field.read(json ?? undefined);
  } catch (error) {
    // The only deep recursion there is follows nested transactions.
    if (error instanceof RangeError) throw EtcdError.of('tooManyOperations');
    throw error;
  }
}

async function readText(c: Context): Promise<string> {
  const bytes = await readBytes(c.req.raw, BODY_BYTES_MAX).catch((error: unknown) => {
    throw error instanceof TerraneError ? EtcdError.of('requestTooLarge') : error;
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new EtcdError(CODE.invalidArgument, 'the body is not valid UTF-8');
  }
}
