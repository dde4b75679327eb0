import type { ServerInfo } from './api.ts';

/**
 * The line that a person pastes on a host. The script is fetched without checking who sends it (a host doesn't know a private
 * authority) and then compared with the checksum in the line, so only these very bytes are run; they carry the authority, the
 * server's URL and the manifest key. The token is in the environment: arguments are seen by every user of the host.
 * `scriptSha256` is the hex SHA-256 of /install.sh.
 */
export function joinCommand(info: ServerInfo, scriptSha256: string, token: string): string {
  const insecure = info.ca && info.url.startsWith('https:') ? 'k' : '';
  return (
    `f=$(mktemp) && curl -fsSL${insecure} ${info.url}/install.sh -o "$f" && echo "${scriptSha256}  $f" | sha256sum -c --quiet && ` +
    `TERRANE_TOKEN=${token} TERRANE_KEY=${info.manifestKey} sh "$f"`
  );
}

/** A server that only this machine reaches: hosts elsewhere can't join it. */
export function isLocal(url: string): boolean {
  return /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname);
}
