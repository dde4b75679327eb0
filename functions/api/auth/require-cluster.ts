import type { Context, MiddlewareHandler } from 'hono';
import { atLeast, roleForClusterRequest } from '../../../core/accounts/roles.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { PersonPrincipal } from '../../../core/ports/identity.ts';
import type { Accounts } from '../../../store/accounts/accounts.ts';
import type { ApiEnv, ClusterRef } from '../../context.ts';
import { errorResponse } from '../../on-error.ts';

/**
 * For /clusters/:cluster/*, after `authenticate`. Sets c.var.cluster; answers 404 for a cluster that doesn't exist or belongs
 * to others, and 403 where the caller's role is too low for the request (viewers read, but no secrets).
 */
export function requireCluster(deps: { readonly accounts: Pick<Accounts, 'readCluster'> }): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    try {
      c.set('cluster', await clusterFor(deps.accounts, c.var.principal, c));
    } catch (error) {
      if (error instanceof TerraneError) return errorResponse(c, error);
      throw error;
    }
    return next();
  };
}

/** The cluster that a request names, if the caller may do there what it asks. Throws `not_found` or `role_too_low`. */
export async function clusterFor(
  accounts: Pick<Accounts, 'readCluster'>,
  principal: PersonPrincipal,
  c: Context<ApiEnv>,
): Promise<ClusterRef> {
  const { id, name } = await accounts.readCluster(principal, c.req.param('cluster') ?? '');
  const role = roleForClusterRequest(c.req.method, c.req.path);
  if (atLeast(principal.role, role)) return { tenant: principal.tenant, id, name };
  throw new TerraneError('role_too_low', `${c.req.method} ${c.req.path} needs the role ${role}; yours is ${principal.role}.`);
}
