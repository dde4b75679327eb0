import type { Context } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';

/** A name in the path; what is too long to be one is not found, without asking the store. */
export function pathParam(c: Context, name: string): string {
  const value = c.req.param(name) ?? '';
  if (value.length === 0 || value.length > 128) throw new TerraneError('not_found');
  return value;
}
