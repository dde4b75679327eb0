import { Command } from 'commander';
import { CliError, usageError } from '../errors.ts';
import type { Io } from '../io.ts';

export interface AgentOptions {
  readonly server: string;
  /** File that holds the join token; not needed once the host has joined. */
  readonly tokenFile?: string;
  readonly data: string;
  /** Docker's socket. */
  readonly docker: string;
  readonly name?: string;
  /** PEM file of the control plane's own certificate authority. */
  readonly caFile?: string;
  readonly json: boolean;
}

/** Resolves when the agent was told to stop. */
export type RunAgent = (options: AgentOptions, io: Io) => Promise<void>;

/** Also the command line of the agent that is installed on hosts (bin/agent.ts). */
export function agentCommand(io: Io, run: RunAgent, name = 'agent'): Command {
  return new Command(name)
    .summary('run the agent in the foreground')
    .description('Runs the agent on this host in the foreground: joins the cluster with a join token, then runs its containers.')
    .option('--server <url>', 'control plane (or TERRANE_SERVER)')
    .option('--token-file <file>', 'join token; not needed once the host has joined')
    .option('--data <dir>', 'state of the agent', '/var/lib/terrane')
    .option('--docker <socket>', "Docker's socket", '/var/run/docker.sock')
    .option('--name <name>', 'name of the node (default: the host name)')
    .option('--ca-file <file>', "the control plane's own certificate authority (PEM)")
    .action((_, command: Command) => {
      const options = command.optsWithGlobals<Partial<AgentOptions> & Pick<AgentOptions, 'data' | 'docker'>>();
      const server = options.server ?? io.env.TERRANE_SERVER;
      if (!server) throw usageError('no control plane given', 'add --server URL');
      if (!URL.canParse(server)) throw new CliError(`--server ${server} is not a URL`, { exit: 2 });
      return run({ ...options, server, json: options.json ?? false }, io);
    });
}
