import { Hono } from 'hono';
import * as z from 'zod';
import type { ApiEnv } from '../../context.ts';
import { readJson } from '../../read-body.ts';
import { authenticate } from '../auth/authenticate.ts';
import { type AccountsApiDeps, originOf, whoOf } from './deps.ts';

const password = z.string().max(1024);
const changeSchema = z.strictObject({ current: password, password });
const forgotSchema = z.strictObject({ email: z.string().max(300) });
const resetSchema = z.strictObject({ token: z.string().max(200), password });

/** Change one's password, or set a new one by mail. Old sessions end either way. */
export function passwords(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.post('/password', authenticate(deps), async (c) => {
    const request = await readJson(c, changeSchema);
    await accounts.changePassword(c.var, request, whoOf(c, deps));
    return c.body(null, 204);
  });

  app.post('/password/forgot', async (c) => {
    const { email } = await readJson(c, forgotSchema);
    await accounts.forgotPassword(email, originOf(c, deps));
    return c.json({ email }, 202);
  });

  app.post('/password/reset', async (c) => {
    const request = await readJson(c, resetSchema);
    return c.json({ email: await accounts.resetPassword(request, originOf(c, deps)) });
  });

  return app;
}
