import { badRequest } from '../../../core/resources/status.ts';
import type { KubeRequest } from './deps.ts';

/** Query parameters that several verbs read. */

/** Clients write booleans in many ways (Python sends `True`): what isn't false or 0 is true, as in Kubernetes. */
export function booleanQuery({ c }: Pick<KubeRequest, 'c'>, name: string): boolean {
  const value = c.req.query(name);
  return value !== undefined && !['false', '0'].includes(value.toLowerCase());
}

/** Undefined if absent. Throws BadRequest unless it is a whole number of at least `min`. */
export function integerQuery({ c }: Pick<KubeRequest, 'c'>, name: string, min = 0): number | undefined {
  const value = c.req.query(name);
  if (value === undefined || value === '') return undefined;
  if (!/^-?\d{1,15}$/.test(value) || Number(value) < min)
    throw badRequest(`${name} must be a whole number of at least ${min}, got "${value.slice(0, 40)}"`);
  return Number(value);
}

export function isDryRun({ c }: Pick<KubeRequest, 'c'>): boolean {
  const values = c.req.queries('dryRun') ?? [];
  for (const value of values)
    if (value !== 'All') throw badRequest(`dryRun: unsupported value "${value.slice(0, 40)}": supported values: "All"`);
  return values.length > 0;
}
