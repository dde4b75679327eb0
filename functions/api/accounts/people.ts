import { type Context, Hono } from 'hono';
import { deleteCookie } from 'hono/cookie';
import * as z from 'zod';
import type { LoginView } from '../../../core/accounts/api.ts';
import type { OpenedSession } from '../../../store/accounts/open-session.ts';
import type { ApiEnv } from '../../context.ts';
import { authenticate } from '../auth/authenticate.ts';
import { requireSameOrigin, SESSION_COOKIE } from '../auth/credential.ts';
import { setSession } from '../auth/session-cookie.ts';
import { readJson } from '../../read-body.ts';
import { type AccountsApiDeps, originOf, whoOf } from './deps.ts';

const email = z.string().max(300);
const password = z.string().max(1024);
const cookie = z.boolean().optional();
const name = z.string().max(200);

const signUpSchema = z
  .strictObject({ email, password, organisation: name.optional(), invitation: name.optional(), cookie })
  .refine((body) => (body.organisation === undefined) !== (body.invitation === undefined), {
    path: ['organisation'],
    message: 'either the name of a new organisation, or an invitation to one, must be given',
  });
const logInSchema = z
  .strictObject({ email, password, organisation: name.optional(), invitation: name.optional(), cookie })
  .refine((body) => body.organisation === undefined || body.invitation === undefined, {
    path: ['organisation'],
    message: 'the invitation says which organisation: leave this out',
  });
const acceptSchema = z.strictObject({ token: name });

/** Sign up, log in, log out, who am I. */
export function people(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.post('/signup', async (c) => {
    const { cookie: wantsCookie, ...request } = await readJson(c, signUpSchema);
    const session = await accounts.signUp(request, originOf(c, deps));
    return c.json(await loggedIn(c, session, wantsCookie), 201);
  });

  app.post('/login', async (c) => {
    const { cookie: wantsCookie, ...request } = await readJson(c, logInSchema);
    const session = await accounts.logIn(request, originOf(c, deps));
    return c.json(await loggedIn(c, session, wantsCookie));
  });

  app.post('/logout', authenticate(deps), async (c) => {
    await accounts.logOut(c.var.principal.tenant, c.var.secret);
    deleteCookie(c, SESSION_COOKIE, { path: '/', secure: true });
    return c.body(null, 204);
  });

  app.get('/me', authenticate(deps), async (c) => c.json(await accounts.me(c.var.principal)));

  app.post('/members/accept', authenticate(deps), async (c) => {
    const { token } = await readJson(c, acceptSchema);
    const organisation = await accounts.acceptInvitation(c.var.principal, token, whoOf(c, deps));
    return c.json({ organisation });
  });

  /** A browser gets the session as a cookie that scripts can't read, and then not in the body. */
  async function loggedIn(c: Context, session: OpenedSession, wantsCookie: boolean | undefined): Promise<LoginView> {
    const { token, expiresAt, ...who } = session;
    const view = await accounts.me(who);
    if (!wantsCookie && !c.req.header('accept')?.includes('text/html')) return { ...view, token, expiresAt };
    requireSameOrigin(c, false);
    setSession(c, session);
    return { ...view, expiresAt };
  }

  return app;
}
