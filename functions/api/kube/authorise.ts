import type { Role } from '../../../core/ports/identity.ts';
import type { PersonPrincipal } from '../../../core/ports/identity.ts';
import type { KindDefinition } from '../../../core/resources/kinds/index.ts';
import { StatusError } from '../../../core/resources/status.ts';

/** The verbs of Kubernetes' authorisation. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

export interface Attributes {
  readonly verb: string;
  readonly group: string;
  /** Plural, without the sub-resource. */
  readonly resource: string;
  /** Undefined if there is no such kind. */
  readonly namespaced: boolean | undefined;
}

/**
 * What a role may do to a cluster's resources: viewer reads everything but Secrets; editor also writes whatever lives in a namespace
 * (and reads Secrets); admin and owner may do everything.
 */
export function roleAllows(role: Role, { verb, group, resource, namespaced }: Attributes): boolean {
  if (role === 'owner' || role === 'admin') return true;
  const secret = group === '' && (resource === 'secrets' || resource === '*');
  if (READS.has(verb)) return role === 'editor' || !secret;
  return role === 'editor' && namespaced === true;
}

/** Throws Forbidden. */
export function authorise(
  principal: PersonPrincipal,
  verb: Verb,
  definition: KindDefinition,
  where: { namespace?: string; name?: string; subresource?: string },
): void {
  const { group, plural, namespaced } = definition;
  if (roleAllows(principal.role, { verb, group, resource: plural, namespaced })) return;
  const resource = where.subresource ? `${plural}/${where.subresource}` : plural;
  const scope = namespaced && where.namespace ? `in the namespace "${where.namespace}"` : 'at the cluster scope';
  const full = group ? `${plural}.${group}` : plural;
  throw new StatusError(
    'Forbidden',
    `${full}${where.name ? ` "${where.name}"` : ''} is forbidden: User "${principal.email}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}: ` +
      `the role ${principal.role} does not allow it. Ask an owner of the organisation for a higher role`,
    { ...(where.name && { name: where.name }), ...(group && { group }), kind: plural },
  );
}
