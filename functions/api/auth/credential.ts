import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { isFleet } from '../fleet/is-fleet.ts';
import { TerraneError } from '../../../core/errors/terrane-error.ts';

/** `__Host-`: only this host, only over TLS (or on localhost), only the whole path: no sibling domain can set it. */
export const SESSION_COOKIE = '__Host-terrane';

/**
 * The token that a request carries: `Authorization: Bearer` for tools, the session cookie for browsers. A browser sends the
 * cookie by itself, so with it a request that changes something must come from our own pages (its Origin says so).
 */
export function credentialOf(c: Context): string {
  const header = c.req.header('authorization');
  const fleet = isFleet(c.req.path);
  if (header !== undefined) {
    const password = fleet ? basicPassword(header) : undefined;
    if (password) return password;
    const [, token] = /^Bearer +(\S+) *$/i.exec(header) ?? [];
    if (!token && fleet) throw new TerraneError('unauthenticated', NO_TOKEN, { fix: IN_ENDPOINT });
    if (!token) throw new TerraneError('unauthenticated', 'The Authorization header is not "Bearer TOKEN".');
    return token;
  }
  const cookie = getCookie(c, SESSION_COOKIE);
  if (!cookie)
    throw fleet ? new TerraneError('unauthenticated', NO_TOKEN, { fix: IN_ENDPOINT }) : new TerraneError('unauthenticated');
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD') requireSameOrigin(c, true);
  return cookie;
}

const NO_TOKEN = 'The request has no token.';
const IN_ENDPOINT =
  'Put an API token into the endpoint: https://any:TOKEN@SERVER/clusters/ID (terrane token create --kind api makes one).';

/**
 * fleetctl knows no tokens, but sends what stands before the @ of its endpoint: any name, and the token as the password (RFC 7617). Only there: a browser
 * would send it by itself, and what changes something there needs more than a browser may send to other sites unasked (PUT, DELETE, PATCH).
 */
function basicPassword(header: string): string | undefined {
  const [, encoded] = /^Basic +(\S+) *$/i.exec(header) ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  return text.slice(text.indexOf(':') + 1);
}

/**
 * Browsers send Origin with every request that may change something; `always` = its absence is suspicious, too. Sec-Fetch-Site is the
 * browser's own word on it, and says `same-site` of a sibling host, which is not ours either.
 */
export function requireSameOrigin(c: Context, always: boolean): void {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin') throw new TerraneError('cross_site');
  const origin = c.req.header('origin');
  if (origin === undefined && !always) return;
  const host = c.req.header('host') ?? new URL(c.req.url).host;
  if (origin === undefined || !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase())
    throw new TerraneError('cross_site');
}
