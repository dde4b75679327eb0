import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** Names that nobody can register in public: a page from elsewhere can't bear them. */
const PRIVATE_NAME = /^(?:[^.]+|.+\.(?:localhost|local|internal))$/i;

/**
 * Whether a request comes from a web page that somebody looks at on this host, which must not reach into a store that asks for no
 * password. Browsers name the page in Origin or Sec-Fetch-Site, but not always: a page whose own name was made to point to this host (DNS
 * rebinding) is told by that name, which then stands in Host.
 */
export function isFromWebPage(headers: IncomingHttpHeaders): boolean {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) return true;
  const host = (headers.host ?? '').replace(/:\d*$/, '').replace(/^\[|\]$/g, '');
  return host !== '' && isIP(host) === 0 && !PRIVATE_NAME.test(host);
}
