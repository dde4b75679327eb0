import { Hono } from 'hono';
import type { ApiEnv } from '../../context.ts';
import type { AccountsApiDeps } from './deps.ts';

export function usage({ accounts }: AccountsApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/usage', async (c) => c.json(await accounts.usage(c.var.principal.tenant)));
  return app;
}
