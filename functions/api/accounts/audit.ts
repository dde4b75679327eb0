import { type Context, Hono } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { AuditFilter } from '../../../store/accounts/audit.ts';
import { requireRole } from '../../../store/accounts/sessions.ts';
import type { ApiEnv } from '../../context.ts';
import type { AccountsApiDeps } from './deps.ts';
import { ndjson } from './ndjson.ts';

const PAGE = { usual: 50, max: 500 };

export function audit({ accounts }: AccountsApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();

  app.get('/audit', async (c) => {
    const { principal } = c.var;
    requireRole(principal, 'admin', 'read the audit log');
    const wanted = Math.trunc(Number(c.req.query('limit') ?? PAGE.usual));
    const limit = Math.min(PAGE.max, Math.max(1, wanted || PAGE.usual));
    return c.json(await accounts.listAudit(principal.tenant, limit, filterOf(c)));
  });

  app.get('/audit/export', (c) => {
    const { principal } = c.var;
    requireRole(principal, 'admin', 'read the audit log');
    return ndjson(c, 'audit.ndjson', accounts.exportAudit(principal.tenant, filterOf(c)));
  });

  return app;
}

function filterOf(c: Context): AuditFilter {
  const text = (name: string) => c.req.query(name)?.slice(0, 300) || undefined;
  return {
    action: text('action'),
    actor: text('actor'),
    since: timeOf('since', text('since')),
    until: timeOf('until', text('until')),
    before: text('before')?.slice(0, 64),
  };
}

/** ms since the epoch, or ISO 8601. */
function timeOf(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(at)) return at;
  const message = 'must be a time such as 2026-01-31 or 2026-01-31T12:00:00Z';
  throw new TerraneError('invalid_request', `${field} ${message}`, { details: [{ field, message }] });
}
