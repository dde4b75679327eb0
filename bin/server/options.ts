import { homedir, hostname, networkInterfaces } from 'node:os';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { ServerOptions as CommandOptions } from '../../cli/commands/server.ts';
import { usageError } from '../../cli/errors.ts';
import { isLoopback } from '../../core/network/loopback.ts';
import { type ListenAddress, parseListenAddress } from './listen.ts';

/** What `terrane server` was asked to do, as the command line gives it; without it, its defaults. */
export type ServerOptions = Partial<CommandOptions>;

export interface ServerSettings {
  readonly dataDir: string;
  readonly http: ListenAddress;
  readonly https: ListenAddress;
  /** The name that others use in https URLs. */
  readonly publicHost: string;
  /** Names and addresses that the certificate is made for. */
  readonly certificateNames: readonly string[];
  readonly requireVerifiedEmail: boolean;
  /** File with the login providers. */
  readonly loginProviders: string | undefined;
}

/** Checks the options and fills in the defaults. Throws with what to change. */
export function serverSettings(options: ServerOptions): ServerSettings {
  const http = parseListenAddress(options.listen ?? '127.0.0.1:7480', '--listen');
  const https = parseListenAddress(options.tlsListen ?? '127.0.0.1:7443', '--tls-listen');
  if (!isLoopback(http.host)) {
    throw usageError(
      `--listen ${http.host}:${http.port}: plain HTTP is served on loopback only, because passwords and tokens pass over it; ` +
        'use --tls-listen for other addresses',
    );
  }
  const hosts = (options.host ?? []).map(checkHost);
  const reachable = EVERYWHERE.includes(https.host) ? [...ownAddresses(), hostname()] : [https.host];
  return {
    dataDir: options.data ?? defaultDataDir(),
    http,
    https,
    publicHost: hosts[0] ?? reachable[0]!,
    certificateNames: [...new Set(['localhost', '127.0.0.1', '::1', ...hosts, ...reachable])],
    requireVerifiedEmail: options.requireVerifiedEmail ?? false,
    loginProviders: options.loginProviders,
  };
}

const EVERYWHERE = ['0.0.0.0', '::'];

function checkHost(name: string): string {
  if (isIP(name) || /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(name)) return name;
  throw usageError(`--host ${name}: expected a DNS name or an IP address, without scheme or port`);
}

/** This machine's addresses that others may reach it by; link-local ones need a zone and are left out. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter((address) => !address.internal && !address.address.startsWith('fe80:')).map((address) => address.address);
}

/** /var/lib/terrane for root, else the XDG data directory. */
function defaultDataDir(): string {
  if (process.getuid?.() === 0) return '/var/lib/terrane/server';
  return join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'terrane', 'server');
}
