import type { MiddlewareHandler } from 'hono';
import { atLeast, roleForClusterRequest } from '../../../core/accounts/roles.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { Accounts } from '../../../store/accounts/accounts.ts';
import type { ApiEnv } from '../../context.ts';
import { errorResponse } from '../../on-error.ts';

/**
 * For /clusters/:cluster/*, after `authenticate`. Sets c.var.cluster; answers 404 for a cluster that doesn't exist or belongs
 * to others, and 403 where the caller's role is too low for the request (viewers read, but no secrets).
 */
export function requireCluster(deps: { readonly accounts: Pick<Accounts, 'readCluster'> }): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { principal } = c.var;
    try {
      const { id, name } = await deps.accounts.readCluster(principal, c.req.param('cluster') ?? '');
      const role = roleForClusterRequest(c.req.method, c.req.path);
      if (!atLeast(principal.role, role)) {
        throw new TerraneError(
          'role_too_low',
          `${c.req.method} ${c.req.path} needs the role ${role}; yours is ${principal.role}.`,
        );
      }
      c.set('cluster', { tenant: principal.tenant, id, name });
    } catch (error) {
      if (error instanceof TerraneError) return errorResponse(c, error);
      throw error;
    }
    return next();
  };
}
