import { isLoopback } from '../network/loopback.ts';
import type { ServerInfo, TokenView } from './api.ts';

/**
 * The line that a person pastes on a host. The script is fetched without checking who sends it (a host doesn't know a private
 * authority) and then compared with the checksum in the line, so only these very bytes are run; they carry the authority, the
 * server's URL and the manifest key. The token is in the environment: arguments are seen by every user of the host. The cluster is
 * named for hosts that have joined another. `scriptSha256` is the hex SHA-256 of /install.sh.
 */
export function joinCommand(info: ServerInfo, scriptSha256: string, token: JoinToken): string {
  const script = `${info.url}/install.sh`;
  const secure = !info.ca || !info.url.startsWith('https:');
  const variables = {
    TERRANE_TOKEN: token.secret,
    TERRANE_KEY: info.manifestKey,
    ...(token.cluster === undefined ? {} : { TERRANE_CLUSTER_ID: token.cluster }),
  };
  const environment = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return [
    'f=$(mktemp)',
    // Small systems have one of the two.
    `{ curl -fsSL${secure ? '' : 'k'} ${script} -o "$f" || wget -qO "$f" ${secure ? '' : '--no-check-certificate '}${script}; }`,
    `echo "${scriptSha256}  $f" | sha256sum -c --quiet`,
    `${environment.join(' ')} sh "$f"`,
  ].join(' && ');
}

/** As it is made: its secret is told once. */
export type JoinToken = Pick<TokenView, 'cluster'> & { readonly secret: string };

/** A server that only this machine reaches: hosts elsewhere can't join it. */
export function isLocal(url: string): boolean {
  return isLoopback(new URL(url).hostname);
}
