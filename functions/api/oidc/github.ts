import type { ServerMetadata } from 'openid-client';
import * as z from 'zod';
import type { LoginProvider } from '../../../core/accounts/login-provider.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { ProvenLogin } from '../../../store/accounts/provider-login.ts';

/** GitHub's OAuth apps (https://docs.github.com/apps/oauth-apps): no discovery, no ID token. */
export const GITHUB_SCOPE = 'read:user user:email';

export const githubServer = (issuer: string): ServerMetadata => ({
  issuer,
  authorization_endpoint: `${issuer}/login/oauth/authorize`,
  token_endpoint: `${issuer}/login/oauth/access_token`,
});

const userSchema = z.object({ id: z.number().int() });
const emailsSchema = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/** By the numeric id: names change hands. Of the addresses only the primary one counts, and only if GitHub has verified it. */
export async function whoAtGithub({ id, issuer }: LoginProvider, accessToken: string, timeoutMs: number): Promise<ProvenLogin> {
  const api = issuer === 'https://github.com' ? 'https://api.github.com' : `${issuer}/api/v3`;
  const get = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
    const response = await fetch(`${api}${path}`, {
      headers: { authorization: `Bearer ${accessToken}`, accept: 'application/vnd.github+json', 'user-agent': 'terrane' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) throw new TerraneError('oidc_unreachable', undefined, { cause: new Error(`${path}: ${response.status}`) });
    return schema.parse(await response.json());
  };
  const [user, emails] = await Promise.all([get('/user', userSchema), get('/user/emails', emailsSchema)]);
  const primary = emails.find((email) => email.primary);
  return { provider: id, issuer, subject: String(user.id), email: primary?.email, emailVerified: primary?.verified ?? false };
}
