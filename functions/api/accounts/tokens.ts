import { Hono } from 'hono';
import * as z from 'zod';
import { readJson } from '../../read-body.ts';
import type { ApiEnv } from '../../context.ts';
import { type AccountsApiDeps, whoOf } from './deps.ts';
import { pathParam } from './path-param.ts';

const createSchema = z.strictObject({
  kind: z.enum(['join', 'api', 'update']),
  cluster: z.string().min(1).max(128).optional(),
  expiresIn: z.number().int().optional(),
  uses: z.number().int().optional(),
  role: z.enum(['owner', 'admin', 'editor', 'viewer']).optional(),
});

export function tokens(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.get('/tokens', async (c) => c.json({ tokens: await accounts.listTokens(c.var.principal) }));

  app.post('/tokens', async (c) => {
    const request = await readJson(c, createSchema);
    c.header('cache-control', 'no-store');
    return c.json(await accounts.createToken(c.var.principal, request, whoOf(c, deps)), 201);
  });

  app.delete('/tokens/:id', async (c) => {
    await accounts.revokeToken(c.var.principal, pathParam(c, 'id'), whoOf(c, deps));
    return c.body(null, 204);
  });

  return app;
}
