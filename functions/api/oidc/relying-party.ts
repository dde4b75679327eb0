import type { Configuration } from 'openid-client';
import type { LoginProvider } from '../../../core/accounts/login-provider.ts';
import { isPlainLoopback } from '../../../core/network/loopback.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { ProvenLogin } from '../../../store/accounts/provider-login.ts';
import { GITHUB_SCOPE, githubServer, whoAtGithub } from './github.ts';

/**
 * OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636), state and nonce. The library is loaded when somebody logs in
 * this way: no other request pays for it.
 */
const library = () => import('openid-client');

/** The checks of one attempt, random each time. */
export interface Checks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** A provider that doesn't answer must not hold a request for long, s. */
const TIMEOUT_S = 8;
/** Providers change their keys' address and endpoints rarely; the keys themselves the library looks after. */
const DISCOVERED_MS = 3_600_000;

export class RelyingParty {
  readonly #now: () => number;
  readonly #discovered = new Map<string, { readonly at: number; readonly configuration: Promise<Configuration> }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Where to send the browser. */
  async begin(provider: LoginProvider, redirectUri: string): Promise<{ readonly url: string; readonly checks: Checks }> {
    const client = await library();
    const configuration = await this.#configurationOf(provider);
    const checks = { state: client.randomState(), nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier() };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: provider.kind === 'github' ? GITHUB_SCOPE : 'openid email',
      state: checks.state,
      code_challenge: await client.calculatePKCECodeChallenge(checks.verifier),
      code_challenge_method: 'S256',
      ...(provider.kind === 'oidc' ? { nonce: checks.nonce } : {}),
    });
    return { url: url.href, checks };
  }

  /** Redeems what the provider sent the browser back with. `url`: the redirect URI, with the query that came. */
  async finish(provider: LoginProvider, url: URL, { state, nonce, verifier }: Checks): Promise<ProvenLogin> {
    const client = await library();
    const configuration = await this.#configurationOf(provider);
    try {
      const tokens = await client.authorizationCodeGrant(configuration, url, {
        expectedState: state,
        pkceCodeVerifier: verifier,
        ...(provider.kind === 'oidc' ? { expectedNonce: nonce, idTokenExpected: true } : {}),
      });
      if (provider.kind === 'github') return await whoAtGithub(provider, tokens.access_token, TIMEOUT_S * 1000);
      const claims = tokens.claims();
      if (!claims) throw new TerraneError('oidc_refused');
      return await this.#whoIs(configuration, provider, claims, tokens.access_token);
    } catch (error) {
      throw asOurs(error);
    }
  }

  /** Some issuers tell the address in the ID token, some only at the userinfo endpoint. */
  async #whoIs(
    configuration: Configuration,
    { id, issuer }: LoginProvider,
    claims: { readonly sub: string; readonly [claim: string]: unknown },
    accessToken: string,
  ): Promise<ProvenLogin> {
    const asked = claims['email'] === undefined && configuration.serverMetadata().userinfo_endpoint !== undefined;
    // The library refuses an answer about another subject.
    const told = asked ? await (await library()).fetchUserInfo(configuration, accessToken, claims.sub) : claims;
    const { email, email_verified: verified } = told;
    return {
      provider: id,
      issuer,
      subject: claims.sub,
      email: typeof email === 'string' ? email : undefined,
      emailVerified: verified === true,
    };
  }

  async #configurationOf(provider: LoginProvider): Promise<Configuration> {
    const key = JSON.stringify(provider);
    const known = this.#discovered.get(key);
    if (known && this.#now() < known.at + DISCOVERED_MS) return known.configuration;
    // Whoever asks meanwhile waits for the same answer, and is told the same.
    const configuration = discover(provider).catch((error: unknown) => {
      this.#discovered.delete(key);
      throw asOurs(error);
    });
    this.#discovered.set(key, { at: this.#now(), configuration });
    return configuration;
  }
}

async function discover({ kind, issuer, clientId, clientSecret }: LoginProvider): Promise<Configuration> {
  const client = await library();
  const plain = isPlainLoopback(new URL(issuer));
  if (kind === 'github') {
    const configuration = new client.Configuration(githubServer(issuer), clientId, clientSecret);
    if (plain) client.allowInsecureRequests(configuration);
    configuration.timeout = TIMEOUT_S;
    return configuration;
  }
  // The ID token's signature is checked with the issuer's keys although TLS vouches for it, too: one more thing must go wrong.
  const execute = [client.enableNonRepudiationChecks, ...(plain ? [client.allowInsecureRequests] : [])];
  return client.discovery(new URL(issuer), clientId, clientSecret, undefined, { execute, timeout: TIMEOUT_S });
}

/** Names of the library's and the platform's errors when there was no answer, or none that means anything. */
const NO_ANSWER = new Set(['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_PARSE_ERROR']);

/** The reason stays in `cause`, for the log; the person can't do anything with it. */
function asOurs(error: unknown): unknown {
  if (error instanceof TerraneError || !(error instanceof Error)) return error;
  const cause = { cause: error };
  if (isSilence(error)) return new TerraneError('oidc_unreachable', undefined, cause);
  // The provider sent the browser back with an error: the person said no, or may not.
  const { code } = error as { code?: string };
  if (code === 'OAUTH_AUTHORIZATION_RESPONSE_ERROR') return new TerraneError('oidc_cancelled', undefined, cause);
  return new TerraneError('oidc_refused', undefined, cause);
}

/** There was no answer. What fetch throws has no code, only a name and a message, and the library may have wrapped it. */
function isSilence({ name, message, code, cause }: Error & { code?: string }): boolean {
  if ((name === 'TypeError' && message === 'fetch failed') || name === 'TimeoutError' || NO_ANSWER.has(code ?? '')) return true;
  return cause !== undefined && cause !== null && isSilence(cause as Error);
}
