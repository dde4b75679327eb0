import { Hono } from 'hono';
import * as z from 'zod';
import type { ApiEnv } from '../../context.ts';
import { authenticate } from '../auth/authenticate.ts';
import { readJson } from '../../read-body.ts';
import { type AccountsApiDeps, originOf } from './deps.ts';

const verifySchema = z.strictObject({ token: z.string().max(200) });

/**
 * The link in the mail opens a page of the console with a button: mail scanners follow links, and would verify addresses that nobody
 * reads. What the button does is this.
 */
export function verify(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.post('/verify', async (c) => {
    const { token } = await readJson(c, verifySchema);
    return c.json({ email: await accounts.verifyEmail(token, originOf(c, deps)), verified: true });
  });

  app.post('/verify/resend', authenticate(deps), async (c) => {
    const { tenant, userId } = c.var.principal;
    return c.json({ sent: await accounts.resendVerification(tenant, userId) });
  });

  return app;
}
