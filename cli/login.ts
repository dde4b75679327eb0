import type { LoginView } from '../core/accounts/api.ts';
import { type Context, contextName, readConfig, withContext, writeConfig } from './config/config.ts';
import { configPath } from './config/paths.ts';
import { usageError } from './errors.ts';
import { HttpClient } from './http/client.ts';
import { type TrustOptions, trustedAuthority } from './http/trust.ts';
import type { Io } from './io.ts';
import { parseServer } from './session.ts';

export interface LoginOptions extends TrustOptions {
  readonly server?: string;
  readonly context?: string;
}

/** A control plane whose certificate is trusted, before anything secret is sent to it. */
export interface MetServer {
  readonly server: string;
  readonly caPem?: string;
  readonly http: HttpClient;
}

export async function meetServer(io: Io, options: LoginOptions): Promise<MetServer> {
  const config = await readConfig(configPath(io.env));
  const current = config.contexts[options.context ?? config.current ?? ''];
  const wanted = options.server ?? io.env.TERRANE_SERVER ?? current?.server;
  if (!wanted)
    throw usageError('which control plane?', 'Add --server URL (http://127.0.0.1:7480 for a `terrane server` on this machine).');
  const server = parseServer(wanted);
  const known = Object.values(config.contexts).find((context) => context.server === server)?.caPem;
  const caPem = !options.ca && known ? known : await trustedAuthority(server, options, io);
  const endpoint = caPem ? { server, caPem } : { server };
  return { ...endpoint, http: new HttpClient(endpoint) };
}

/** Keeps the login as the current context. */
export async function saveLogin(io: Io, met: MetServer, login: LoginView, name: string | undefined): Promise<void> {
  const path = configPath(io.env);
  const config = await readConfig(path);
  const key = name ?? contextName(met.server);
  const previous = config.contexts[key];
  const context: Context = {
    server: met.server,
    email: login.user.email,
    organisation: login.organisation.name,
    ...(met.caPem ? { caPem: met.caPem } : {}),
    ...(login.token ? { token: login.token } : {}),
    // Clusters belong to an organisation: one of another doesn't fit any more.
    ...(previous?.cluster && previous.organisation === login.organisation.name ? { cluster: previous.cluster } : {}),
  };
  await writeConfig(path, { ...withContext(config, key, context), current: key });
}
