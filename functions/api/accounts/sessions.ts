import { Hono } from 'hono';
import type { ApiEnv } from '../../context.ts';
import { type AccountsApiDeps, whoOf } from './deps.ts';
import { pathParam } from './path-param.ts';

/** The caller's own log-ins, in all organisations. */
export function sessions(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.get('/sessions', async (c) => c.json({ sessions: await accounts.listSessions(c.var) }));

  app.delete('/sessions/:id', async (c) => {
    await accounts.revokeSession(c.var, pathParam(c, 'id'), whoOf(c, deps));
    return c.body(null, 204);
  });

  return app;
}
