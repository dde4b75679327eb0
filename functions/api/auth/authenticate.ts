import type { MiddlewareHandler } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { Accounts } from '../../../store/accounts/accounts.ts';
import type { ApiEnv } from '../../context.ts';
import { errorResponse } from '../../on-error.ts';
import { credentialOf } from './credential.ts';

/** Sets c.var.principal and counts the request, or answers 401: JSON, and below /clusters/ a Kubernetes Status. */
export function authenticate(deps: {
  readonly accounts: Pick<Accounts, 'authenticate' | 'countRequest'>;
}): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    try {
      const { principal, secret } = await deps.accounts.authenticate(credentialOf(c));
      c.set('principal', principal);
      c.set('secret', secret);
      deps.accounts.countRequest(principal.tenant, 'api');
    } catch (error) {
      if (error instanceof TerraneError) return errorResponse(c, error);
      throw error;
    }
    return next();
  };
}
