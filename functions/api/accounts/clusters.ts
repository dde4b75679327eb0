import { Hono } from 'hono';
import * as z from 'zod';
import { readJson } from '../../read-body.ts';
import type { ApiEnv } from '../../context.ts';
import { type AccountsApiDeps, whoOf } from './deps.ts';
import { pathParam } from './path-param.ts';

const createSchema = z.strictObject({ name: z.string().max(200) });

export function clusters(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.get('/clusters', async (c) => c.json({ clusters: await accounts.listClusters(c.var.principal) }));

  app.get('/clusters/:cluster', async (c) => c.json(await accounts.readCluster(c.var.principal, pathParam(c, 'cluster'))));

  app.post('/clusters', async (c) => {
    const { name } = await readJson(c, createSchema);
    return c.json(await accounts.createCluster(c.var.principal, name, whoOf(c, deps)), 201);
  });

  app.delete('/clusters/:cluster', async (c) => {
    await accounts.deleteCluster(c.var.principal, pathParam(c, 'cluster'), whoOf(c, deps));
    return c.body(null, 204);
  });

  return app;
}
