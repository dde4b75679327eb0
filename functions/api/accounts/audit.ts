import { Hono } from 'hono';
import { requireRole } from '../../../store/accounts/sessions.ts';
import type { ApiEnv } from '../../context.ts';
import type { AccountsApiDeps } from './deps.ts';

const PAGE = { usual: 50, max: 500 };

export function audit({ accounts }: AccountsApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/audit', async (c) => {
    const { principal } = c.var;
    requireRole(principal, 'admin', 'read the audit log');
    const wanted = Math.trunc(Number(c.req.query('limit') ?? PAGE.usual));
    const limit = Math.min(PAGE.max, Math.max(1, wanted || PAGE.usual));
    const records = await accounts.listAudit(principal.tenant, limit, c.req.query('before')?.slice(0, 64));
    const next = records.length === limit ? records.at(-1)?.id : undefined;
    return c.json({ records, ...(next === undefined ? {} : { next }) });
  });
  return app;
}
