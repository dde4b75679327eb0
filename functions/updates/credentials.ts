import type { Context } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { UpdateToken } from '../../core/ports/update-tokens.ts';
import type { UpdatesDeps } from './deps.ts';

/**
 * Whose host asks? The update token is the password of Basic auth (stock update_engine and locksmith send what stands before the @ of
 * their URL), whatever the user name, or a part of the path for clients that send neither. Whether it is still good shows with the
 * first use of the registry (guarded-registry.ts).
 */
export function credentials({ accounts, clientIp }: Pick<UpdatesDeps, 'accounts' | 'clientIp'>) {
  return async function tokenOf(c: Context): Promise<UpdateToken> {
    const token = c.req.param('token') ?? basicPassword(c.req.header('authorization'));
    if (token === undefined)
      throw new TerraneError('unauthenticated', 'The request carries no update token.', {
        fix: 'Make one (terrane token create --kind update) and put it into the URL: https://update:TOKEN@HOST/v1/update/',
      });
    return accounts.findUpdateToken(token, clientIp(c));
  };
}

function basicPassword(header: string | undefined): string | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header ?? '') ?? [];
  if (!encoded) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : text.slice(colon + 1);
}
