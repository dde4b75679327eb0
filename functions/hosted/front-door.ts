import { sameSecret } from '../../core/secrets/same-secret.ts';
import { TerraneError, errorEnvelope } from '../../core/errors/terrane-error.ts';

/** Headers that lib/web's CloudFront function and origin put on every request, over whatever the client sent. */
const FRONT_DOOR = {
  /** Secret of the origin: only CloudFront and the functions know it. */
  secret: 'x-terrane-origin',
  /** The host name that the client asked for: what it signed, and what its cookies belong to. */
  host: 'x-terrane-host',
  clientIp: 'x-terrane-client-ip',
} as const;

export interface Visitor {
  readonly host: string;
  readonly ip: string | undefined;
}

/**
 * Who came, as CloudFront saw them. Undefined for requests that went round it to the function's own address: nothing that they
 * say of host and address could be believed.
 */
export function visitorOf(headers: Readonly<Record<string, string | undefined>>, secret: string): Visitor | undefined {
  // API Gateway keeps the case that names were sent in.
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (!sameSecret(lower.get(FRONT_DOOR.secret) ?? '', secret)) return undefined;
  const host = lower.get(FRONT_DOOR.host);
  return host ? { host: host.toLowerCase(), ip: lower.get(FRONT_DOOR.clientIp) } : undefined;
}

/** The answer to whoever went round the front door. */
export function wrongDoor(): Response {
  const error = new TerraneError('not_found', 'This address is not for clients.', { fix: 'Use the URL of the service.' });
  return Response.json(errorEnvelope(error, '-'), { status: error.status });
}
