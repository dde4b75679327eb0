import { prune } from '../../../core/resources/decode.ts';
import { apiVersionOf, type ReadableKind } from '../../../core/resources/kinds/index.ts';
import { badRequest } from '../../../core/resources/status.ts';
import type { KubeRequest } from './deps.ts';
import { warn } from './warnings.ts';

/**
 * Removes the fields that a kind doesn't have, as the `fieldValidation` parameter says: Strict (also when it is absent) refuses the
 * request naming each; Warn and Ignore go on, and the answer's Warning headers name what was dropped.
 */
export function withoutUnknownFields(
  { c }: Pick<KubeRequest, 'c'>,
  definition: ReadableKind,
  value: unknown,
): Record<string, unknown> {
  const mode = c.req.query('fieldValidation') || 'Strict';
  if (!['Strict', 'Warn', 'Ignore'].includes(mode))
    throw badRequest(`fieldValidation: unsupported value "${mode.slice(0, 40)}": supported values: "Strict", "Warn", "Ignore"`);
  const pruned = prune(definition, value);
  if (pruned.unknown.length > 0 && mode === 'Strict') {
    const list = pruned.unknown.map((path) => `unknown field "${path}"`).join(', ');
    throw badRequest(
      `${definition.kind} in version "${apiVersionOf(definition)}" cannot be handled as a ${definition.kind}: strict decoding error: ${list}. ` +
        'Remove what is listed (a documented subset of Kubernetes is served), or go on without it with --validate=warn',
      pruned.unknown.map((field) => ({ reason: 'FieldValueForbidden', field, message: 'unknown field' })),
    );
  }
  for (const path of pruned.unknown) warn(c, `unknown field "${path}" was dropped`);
  return pruned.value as Record<string, unknown>;
}
