import { Hono } from 'hono';
import * as z from 'zod';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { ApiEnv } from '../../context.ts';
import { readJson } from '../../read-body.ts';
import { type AccountsApiDeps, whoOf } from './deps.ts';
import { pathParam } from './path-param.ts';

const retentionSchema = z.strictObject({
  untaggedDays: z.number().int().min(1).max(3_650).optional(),
  keepLast: z.number().int().min(1).max(10_000).optional(),
});
const settings = { immutableTags: z.boolean().optional(), retention: retentionSchema.optional() };
const createSchema = z.strictObject({ name: z.string(), ...settings });
const changeSchema = z.strictObject(settings);
const credentialsSchema = z.strictObject({ access: z.enum(['pull', 'push']).default('pull') });

/** Images on a page. */
const PAGE = 100;

/** The organisation's image repositories, and how to log in to them. Images themselves go straight to the registry. */
export function repositories(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.get('/repositories', async (c) => c.json(await accounts.listRepositories(c.var.principal)));

  app.post('/repositories', async (c) => {
    const { name, ...wanted } = await readJson(c, createSchema);
    return c.json(await accounts.createRepository(c.var.principal, name, wanted, whoOf(c, deps)), 201);
  });

  app.post('/repositories/credentials', async (c) => {
    const { access } = await readJson(c, credentialsSchema);
    c.header('cache-control', 'no-store');
    return c.json(await accounts.imageCredentials(c.var.principal, access, whoOf(c, deps)), 201);
  });

  app.patch('/repositories/:name', async (c) => {
    const wanted = await readJson(c, changeSchema);
    return c.json(await accounts.configureRepository(c.var.principal, pathParam(c, 'name'), wanted, whoOf(c, deps)));
  });

  app.delete('/repositories/:name', async (c) => {
    const force = c.req.query('force') === 'true';
    await accounts.deleteRepository(c.var.principal, pathParam(c, 'name'), force, whoOf(c, deps));
    return c.body(null, 204);
  });

  app.get('/repositories/:name/images', async (c) => {
    const next = c.req.query('next');
    if (next !== undefined && next.length > 4_096) throw new TerraneError('invalid_request', 'next is too long');
    const page = { limit: PAGE, ...(next && { next }) };
    return c.json(await accounts.listImages(c.var.principal, pathParam(c, 'name'), page));
  });

  app.delete('/repositories/:name/images/:reference', async (c) => {
    await accounts.deleteImage(c.var.principal, pathParam(c, 'name'), pathParam(c, 'reference'), whoOf(c, deps));
    return c.body(null, 204);
  });

  app.get('/repositories/:name/images/:reference/scan', async (c) =>
    c.json(await accounts.scanImage(c.var.principal, pathParam(c, 'name'), pathParam(c, 'reference'))),
  );

  return app;
}
