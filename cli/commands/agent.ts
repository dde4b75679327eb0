import { Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import { collect, wholeNumber } from '../options.ts';

export interface AgentOptions {
  readonly server: string;
  /** File that holds the join token; not needed once the host has joined. */
  readonly tokenFile?: string;
  readonly data: string;
  /** Docker's socket. */
  readonly docker: string;
  /** Of the node; the host name by default. */
  readonly name?: string;
  /** PEM file of the control plane's own certificate authority. */
  readonly ca?: string;
  /** Loopback port of /healthz and /metrics; 0 picks a free one. */
  readonly healthPort: number;
  /** Where clients on this host reach etcd, as `127.0.0.1:2379`; none: it isn't served. */
  readonly etcdListen?: readonly string[];
  /** Only keys that begin with one of these are kept on the host; none: all. */
  readonly kvPrefix?: readonly string[];
  /** Memory that the copy of the key-value store may take, MB. */
  readonly kvCacheMb?: number;
  /** `none`: this host takes no part in the pods' network. */
  readonly podNetwork?: 'auto' | 'none';
  /** etcd v3 of a flannel network that this host takes part in, too. */
  readonly flannelEtcd?: string;
  readonly flannelPrefix?: string;
  readonly json: boolean;
}

/** etcd's own. */
const ETCD_LISTEN = '127.0.0.1:2379';

/** Resolves when the agent was told to stop. */
export type RunAgent = (options: AgentOptions, io: Io) => Promise<void>;

/** Also the command line of the agent that is installed on hosts (bin/agent.ts). */
export function agentCommand(io: Io, run: RunAgent, name = 'agent'): Command {
  return new Command(name)
    .summary('run the agent in the foreground')
    .description('Runs the agent on this host in the foreground: joins the cluster with a join token, then runs its containers.')
    .option('--server <url>', 'control plane (TERRANE_SERVER)')
    .option('--token-file <file>', 'join token; not needed once the host has joined')
    .option('--data <dir>', 'state of the agent', '/var/lib/terrane/agent')
    .option('--docker <socket>', "Docker's socket", '/var/run/docker.sock')
    .option('--name <name>', 'name of the node (default: the host name)')
    .option('--ca <file>', "the control plane's own certificate authority (PEM)")
    .option('--health-port <port>', 'loopback port of /healthz and /metrics', wholeNumber, 7490)
    .option(
      '--etcd-listen <address>',
      'where clients on this host reach etcd (127.0.0.1:2379); repeatable; none: not at all',
      collect,
    )
    .option('--kv-prefix <key>', 'keep only keys that begin with it on this host; repeatable', collect)
    .option('--kv-cache-mb <n>', 'memory that the copy of the key-value store may take', wholeNumber, 64)
    .addOption(
      new Option('--pod-network <how>', "auto: take part in the pods' network; none: leave this host's network alone")
        .choices(['auto', 'none'])
        .default('auto'),
    )
    .option('--flannel-etcd <url>', 'take part in an existing flannel network, too: its etcd v3, http://HOST:PORT')
    .option('--flannel-prefix <key>', "of flannel's keys there", '/coreos.com/network')
    .action((options: Partial<AgentOptions> & Pick<AgentOptions, 'data' | 'docker' | 'healthPort'>) => {
      const server = options.server ?? io.env.TERRANE_SERVER;
      if (!server || !URL.canParse(server))
        throw usageError(server ? `--server ${server} is not a URL` : 'no control plane given', 'Add --server URL');
      return run({ ...options, server, etcdListen: options.etcdListen ?? [ETCD_LISTEN], json: options.json ?? false }, io);
    });
}
