import { Hono } from 'hono';
import * as z from 'zod';
import { requireRole } from '../../../store/accounts/sessions.ts';
import type { ApiEnv } from '../../context.ts';
import { readJson } from '../../read-body.ts';
import type { AccountsApiDeps } from './deps.ts';
import { ndjson } from './ndjson.ts';

const deleteSchema = z.strictObject({ confirm: z.string().max(200) });

/** Take everything out, and leave. */
export function organisation({ accounts, resources }: AccountsApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();

  app.get('/organisation/export', (c) =>
    ndjson(c, 'organisation.ndjson', accounts.exportOrganisation(c.var.principal, resources)),
  );

  app.delete('/organisation', async (c) => {
    requireRole(c.var.principal, 'owner', 'delete the organisation');
    const { confirm } = await readJson(c, deleteSchema);
    await accounts.deleteOrganisation(c.var, confirm);
    return c.body(null, 204);
  });

  return app;
}
