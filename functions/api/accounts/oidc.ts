import { type Context, Hono } from 'hono';
import * as z from 'zod';
import type { LoginProvider } from '../../../core/accounts/login-provider.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { Authenticated } from '../../../store/accounts/sessions.ts';
import { requireLogin } from '../../../store/accounts/user-sessions.ts';
import type { ApiEnv } from '../../context.ts';
import { requestIdOf } from '../../on-error.ts';
import { readJson } from '../../read-body.ts';
import { authenticate } from '../auth/authenticate.ts';
import { credentialOf, requireSameOrigin } from '../auth/credential.ts';
import { setSession } from '../auth/session-cookie.ts';
import { type Flow, keepFlow, takeFlow } from '../oidc/flow-cookie.ts';
import { RelyingParty } from '../oidc/relying-party.ts';
import { type AccountsApiDeps, originOf, personOf, whoOf } from './deps.ts';
import { pathParam } from './path-param.ts';

const startSchema = z
  .strictObject({
    organisation: z.string().max(200).optional(),
    invitation: z.string().max(200).optional(),
    link: z.boolean().optional(),
    next: z
      .string()
      .max(500)
      .regex(/^\/(?![/\\])[\x21-\x7e]*$/, 'must be a path of the console')
      .optional(),
  })
  .refine(({ organisation, invitation, link }) => [organisation, invitation, link].filter(Boolean).length <= 1, {
    path: ['organisation'],
    message: 'only one of organisation, invitation and link',
  });

/** Log in, sign up and link by a login provider, in a browser: begin here, come back to `/callback`. */
export function oidc(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts, log } = deps;
  const relyingParty = new RelyingParty(() => accounts.now());
  const app = new Hono<ApiEnv>();

  app.get('/oidc', async (c) => c.json({ providers: (await deps.loginProviders()).map(({ id, name }) => ({ id, name })) }));

  app.post('/oidc/:provider', async (c) => {
    requireSameOrigin(c, true);
    const provider = await providerOf(pathParam(c, 'provider'));
    requireOwnHost(c);
    const { link, next = '/', ...arrival } = await readJson(c, startSchema);
    const session = link ? await loggedIn(c) : undefined;
    await accounts.limitProviderLogin(originOf(c, deps));
    const { url, checks } = await relyingParty.begin(provider, redirectUri(provider));
    const linking = session ? { link: session.secret.id } : {};
    keepFlow(c, { ...checks, ...arrival, ...linking, provider: provider.id, next, startedAt: accounts.now() });
    c.header('cache-control', 'no-store');
    return c.json({ url });
  });

  app.get('/oidc/:provider/callback', async (c) => {
    c.header('cache-control', 'no-store');
    c.header('referrer-policy', 'no-referrer');
    const flow = takeFlow(c, accounts.now());
    try {
      const provider = await providerOf(pathParam(c, 'provider'));
      if (!flow || flow.provider !== provider.id) throw new TerraneError('oidc_expired');
      return c.redirect(await finish(c, provider, flow));
    } catch (error) {
      if (!(error instanceof TerraneError)) throw error;
      const { code, cause } = error;
      const because = cause instanceof Error ? { because: `${cause.name}: ${cause.message}` } : {};
      log.warn('a log-in by a provider failed', { code, requestId: requestIdOf(c), ...because });
      const page = flow?.link ? '/account' : code === 'oidc_no_account' ? '/signup' : '/login';
      return c.redirect(`${page}?problem=${code}`);
    }
  });

  app.delete('/oidc/:provider', authenticate(deps), async (c) => {
    await accounts.unlinkProvider(c.var, pathParam(c, 'provider'), whoOf(c, deps));
    return c.body(null, 204);
  });

  /** Where the browser goes next. */
  async function finish(c: Context<ApiEnv>, provider: LoginProvider, flow: Flow): Promise<string> {
    const origin = originOf(c, deps);
    await accounts.limitProviderLogin(origin);
    const url = new URL(redirectUri(provider));
    url.search = new URL(c.req.url).search;
    const login = await relyingParty.finish(provider, url, flow);
    if (flow.link === undefined) {
      setSession(c, await accounts.logInByProvider(login, flow, origin));
      return flow.next;
    }
    const caller = await loggedIn(c);
    // Somebody else has logged in here meanwhile.
    if (caller.secret.id !== flow.link) throw new TerraneError('oidc_expired');
    await accounts.linkProvider(caller, login, personOf(c, caller.principal, deps));
    return flow.next;
  }

  async function loggedIn(c: Context): Promise<Authenticated> {
    const caller = await accounts.authenticate(credentialOf(c));
    requireLogin(caller);
    return caller;
  }

  async function providerOf(id: string): Promise<LoginProvider> {
    const provider = (await deps.loginProviders()).find((candidate) => candidate.id === id);
    if (!provider) throw new TerraneError('not_found', `There is no login provider ${id}.`);
    return provider;
  }

  /** Providers send the browser back to registered addresses only, and cookies belong to one host: it must begin there, too. */
  function requireOwnHost(c: Context): void {
    const own = new URL(accounts.publicUrl()).host;
    const host = (c.req.header('host') ?? new URL(c.req.url).host).toLowerCase();
    if (host === own) return;
    throw new TerraneError(
      'invalid_request',
      `A login provider sends you back to ${accounts.publicUrl()}, not to this address.`,
      {
        fix: `Open ${accounts.publicUrl()}/login and log in there.`,
      },
    );
  }

  const redirectUri = ({ id }: LoginProvider) => `${accounts.publicUrl()}/v1/oidc/${id}/callback`;

  return app;
}
