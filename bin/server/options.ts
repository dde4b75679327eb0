import { homedir, hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { isLoopback, type ListenAddress, parseListenAddress } from './listen.ts';

/** What `terrane server` was asked to do, as the command line gives it. */
export interface ServerOptions {
  readonly data?: string;
  readonly listen?: string;
  readonly tlsListen?: string;
  /** The HTTPS address that hosts and kubeconfigs are to use, if it isn't the one listened on (a name, a proxy). */
  readonly publicUrl?: string;
  readonly requireVerifiedEmail?: boolean;
  /** Print the ready line as JSON. */
  readonly json?: boolean;
}

export interface ServerSettings {
  readonly dataDir: string;
  readonly http: ListenAddress;
  readonly https: ListenAddress;
  readonly publicUrl: string | undefined;
  /** Names and addresses that the certificate is made for. */
  readonly certificateNames: readonly string[];
  readonly requireVerifiedEmail: boolean;
}

/** Checks the options and fills in the defaults. Throws with what to change. */
export function serverSettings(options: ServerOptions): ServerSettings {
  const http = parseListenAddress(options.listen ?? '127.0.0.1:7480', '--listen');
  const https = parseListenAddress(options.tlsListen ?? '127.0.0.1:7443', '--tls-listen');
  if (!isLoopback(http.host)) {
    throw new Error(
      `--listen ${http.host}:${http.port}: plain HTTP is served on loopback only, because passwords and tokens pass over it; ` +
        'use --tls-listen for other addresses',
    );
  }
  const publicUrl = options.publicUrl === undefined ? undefined : parsePublicUrl(options.publicUrl);
  return {
    dataDir: options.data ?? defaultDataDir(),
    http,
    https,
    publicUrl: publicUrl?.origin,
    certificateNames: certificateNames(https.host, publicUrl),
    requireVerifiedEmail: options.requireVerifiedEmail ?? false,
  };
}

function parsePublicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search || url.hash) {
    throw new Error(`--public-url ${text}: expected https://NAME[:PORT] without a path`);
  }
  return url;
}

function certificateNames(host: string, publicUrl: URL | undefined): string[] {
  const names = ['localhost', '127.0.0.1', '::1'];
  if (publicUrl) names.push(publicUrl.hostname.replace(/^\[|\]$/g, ''));
  const everywhere = host === '0.0.0.0' || host === '::';
  if (everywhere) names.push(hostname(), ...ownAddresses());
  else if (!isLoopback(host)) names.push(host);
  return names;
}

/** This machine's addresses that others may reach it by; link-local ones need a zone and are left out. */
export function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter((address) => !address.internal && !address.address.startsWith('fe80:')).map((address) => address.address);
}

/** /var/lib/terrane for root, else the XDG data directory. */
function defaultDataDir(): string {
  if (process.getuid?.() === 0) return '/var/lib/terrane/server';
  return join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'terrane', 'server');
}
