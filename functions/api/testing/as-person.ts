import type { MiddlewareHandler } from 'hono';
import type { Role } from '../../../core/ports/identity.ts';
import type { ApiEnv } from '../../context.ts';

/** In place of authentication: a person of tenant `t` with that role, who asks for the cluster `x`. */
export function asPerson(role: () => Role): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    c.set('requestId', 'r1');
    c.set('principal', { kind: 'person', tenant: 't', userId: 'u', email: 'ann@example.com', role: role() });
    c.set('cluster', { tenant: 't', id: 'x', name: 'x' });
    await next();
  };
}
