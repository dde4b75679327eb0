import { Hono } from 'hono';
import * as z from 'zod';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { ApiEnv } from '../../context.ts';
import { authenticate } from '../auth/authenticate.ts';
import { parseJson, readBytes } from '../../read-body.ts';
import { type AccountsApiDeps, originOf } from './deps.ts';
import { CSP, confirmPage, resultPage } from './verify-page.ts';

const verifySchema = z.strictObject({ token: z.string().max(200) });

/**
 * The link in the mail opens a page with a button: mail scanners follow links, and would verify addresses that nobody reads.
 * The button posts the form; tools post JSON.
 */
export function verify(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.use('/verify', async (c, next) => {
    await next();
    c.header('content-security-policy', CSP);
    c.header('referrer-policy', 'no-referrer');
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
  });

  app.get('/verify', (c) => c.html(confirmPage(c.req.query('token')?.slice(0, 200) ?? '')));

  app.post('/verify', async (c) => {
    const bytes = await readBytes(c.req.raw, 4096);
    if (!c.req.header('content-type')?.startsWith('application/x-www-form-urlencoded')) {
      const { token } = parseJson(bytes, verifySchema);
      return c.json({ email: await accounts.verifyEmail(token, originOf(c, deps)), verified: true });
    }
    const token = new URLSearchParams(new TextDecoder().decode(bytes)).get('token') ?? '';
    try {
      const email = await accounts.verifyEmail(token, originOf(c, deps));
      return c.html(resultPage('Thank you', `${email} is verified. You can close this page.`));
    } catch (error) {
      if (!(error instanceof TerraneError)) throw error;
      return c.html(resultPage('That did not work', `${error.message} ${error.fix}`), error.status as 400 | 401);
    }
  });

  app.post('/verify/resend', authenticate(deps), async (c) => {
    const { tenant, userId } = c.var.principal;
    return c.json({ sent: await accounts.resendVerification(tenant, userId) });
  });

  return app;
}
