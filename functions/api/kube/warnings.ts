import type { Context } from 'hono';
import type { KindDefinition } from '../../../core/resources/kinds/index.ts';
import type { AnyResource } from '../../../core/resources/schema/kinds.ts';

/** Adds a Warning header (RFC 7234): kubectl prints it, and the request goes on. */
export function warn(c: Context, text: string): void {
  // Safe inside quotes, and a header: printable ASCII only.
  const quotable = text
    .slice(0, 400)
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/["\\]/g, '\\$&');
  c.header('warning', `299 - "${quotable}"`, { append: true });
}

/** Warns of what has no effect in an object, unless it was so before. */
export function adviseOn(c: Context, definition: KindDefinition, object: AnyResource, before?: AnyResource): void {
  const known = before === undefined ? [] : (definition.advice?.(before) ?? []);
  for (const advice of definition.advice?.(object) ?? []) if (!known.includes(advice)) warn(c, advice);
}
