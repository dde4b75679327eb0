import { readFile } from 'node:fs/promises';
import type { ClusterView } from '../core/accounts/api.ts';
import { isPlainLoopback } from '../core/network/loopback.ts';
import { type Config, type Context, contextName, readConfig, withContext, writeConfig } from './config/config.ts';
import { configPath } from './config/paths.ts';
import { CliError, EXIT, usageError } from './errors.ts';
import { HttpClient } from './http/client.ts';
import type { Io } from './io.ts';
import { KubeClient } from './kube/client.ts';
import { note } from './output/print.ts';

/** Options that every command which talks to a control plane has. */
export interface SessionOptions {
  readonly server?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly json?: boolean;
}

/**
 * Where a command works and as whom. Flags win over the environment (TERRANE_SERVER, TERRANE_TOKEN, TERRANE_CLUSTER), that over the
 * context of the configuration.
 */
export class Session {
  readonly io: Io;
  readonly json: boolean;
  readonly http: HttpClient;
  readonly contextName: string;
  readonly context: Context;
  readonly #config: Config;
  readonly #cluster: string | undefined;

  constructor(io: Io, config: Config, name: string, context: Context, options: SessionOptions) {
    this.io = io;
    this.json = options.json ?? false;
    this.contextName = name;
    this.context = context;
    this.#config = config;
    this.#cluster = options.cluster ?? io.env.TERRANE_CLUSTER;
    const warned = new Set<string>();
    this.http = new HttpClient(context, async (text) => {
      if (!warned.has(text)) await note(io, this.json, `warning: ${text}`);
      warned.add(text);
    });
  }

  /** Keeps a change of this context for the next command. A token from the environment stays there. */
  async save({ token, ...context }: Context): Promise<void> {
    const stored = this.#config.contexts[this.contextName]?.token;
    const kept = token && stored ? { ...context, token: stored } : context;
    await writeConfig(configPath(this.io.env), withContext(this.#config, this.contextName, kept));
  }

  /** Makes a cluster the one that commands are about; undefined: none. */
  async choose(cluster: { readonly id: string; readonly name: string } | undefined): Promise<void> {
    const { cluster: _, ...context } = this.context;
    await this.save(cluster ? { ...context, cluster: { id: cluster.id, name: cluster.name } } : context);
  }

  /** The cluster named by flag or environment, else the context's, else the only one there is. */
  async cluster(): Promise<{ id: string; name: string }> {
    const saved = this.context.cluster;
    if (saved && (!this.#cluster || this.#cluster === saved.name || this.#cluster === saved.id)) return saved;
    const clusters = await this.clusters();
    if (this.#cluster) return find(clusters, this.#cluster);
    const [only, ...more] = clusters;
    if (only && more.length === 0) return only;
    throw only
      ? usageError(
          `no cluster chosen; there are ${clusters.map(({ name }) => name).join(', ')}`,
          'Add --cluster NAME, set TERRANE_CLUSTER, or choose one for good: terrane cluster use NAME',
        )
      : new CliError('there is no cluster yet', { exit: EXIT.usage, fix: 'Make one: terrane cluster create NAME' });
  }

  async clusters(): Promise<readonly ClusterView[]> {
    return (await this.http.json<{ clusters: readonly ClusterView[] }>({ path: '/v1/clusters' })).clusters;
  }

  async clusterNamed(name: string): Promise<ClusterView> {
    return find(await this.clusters(), name);
  }

  async kube(): Promise<KubeClient> {
    return new KubeClient(this.http, (await this.cluster()).id);
  }
}

/** Throws when there is no control plane to talk to or nobody is logged in. */
export async function openSession(io: Io, options: SessionOptions): Promise<Session> {
  const config = await readConfig(configPath(io.env));
  const { name, context } = await chooseContext(config, io, options);
  const token = io.env.TERRANE_TOKEN ?? context.token;
  if (!token)
    throw new CliError(`not logged in to ${context.server}`, {
      code: 'unauthenticated',
      exit: EXIT.auth,
      fix: `terrane login --server ${context.server} (or terrane signup, or set TERRANE_TOKEN)`,
    });
  return new Session(io, config, name, { ...context, token }, options);
}

async function chooseContext(config: Config, io: Io, options: SessionOptions): Promise<{ name: string; context: Context }> {
  if (options.context) {
    const context = config.contexts[options.context];
    if (context) return { name: options.context, context };
    const known = Object.keys(config.contexts).join(', ');
    throw usageError(`there is no context ${options.context}`, known ? `There are: ${known}` : 'Log in first: terrane login');
  }
  const wanted = options.server ?? io.env.TERRANE_SERVER;
  if (wanted) {
    const server = parseServer(wanted);
    const known = Object.entries(config.contexts).find(([, context]) => context.server === server);
    if (known) return { name: known[0], context: known[1] };
    const caFile = io.env.TERRANE_CA_FILE;
    const context: Context = caFile ? { server, caPem: await readFile(caFile, 'utf8') } : { server };
    return { name: contextName(server), context };
  }
  const current = config.current ? config.contexts[config.current] : undefined;
  if (config.current && current) return { name: config.current, context: current };
  throw new CliError('not logged in to any control plane', {
    code: 'unauthenticated',
    exit: EXIT.auth,
    fix: 'Sign up: terrane signup --server URL --email YOU@EXAMPLE.COM --org NAME\nOr log in: terrane login --server URL --email YOU@EXAMPLE.COM',
  });
}

/** Without path and slash at the end. Plain HTTP only to this machine: it would show passwords and tokens to the network. */
export function parseServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw usageError(
      `${text} is not the URL of a control plane`,
      'It looks like https://terrane.example.com or http://127.0.0.1:7480',
    );
  if (url.protocol === 'http:' && !isPlainLoopback(url))
    throw usageError(
      `${text}: plain http:// would show your password to the network`,
      'Use https://; http:// is for this machine only.',
    );
  return url.origin;
}

function find(clusters: readonly ClusterView[], name: string): ClusterView {
  const found = clusters.find((cluster) => cluster.name === name || cluster.id === name);
  if (found) return found;
  const names = clusters.map((cluster) => cluster.name).join(', ');
  throw new CliError(`there is no cluster ${name}`, {
    code: 'not_found',
    fix: names ? `There are: ${names}` : 'Make one: terrane cluster create NAME',
  });
}
