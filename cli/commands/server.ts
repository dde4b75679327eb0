import { Command } from 'commander';
import type { Io } from '../io.ts';
import { collect } from '../options.ts';

/** What is not given has a default of the server's own. */
export interface ServerOptions {
  /** Where everything is kept. */
  readonly data?: string;
  /** ADDRESS:PORT of plain HTTP. Loopback only. */
  readonly listen?: string;
  /** ADDRESS:PORT of HTTPS. */
  readonly tlsListen?: string;
  /** Names or addresses by which others reach this server; join commands and kubeconfigs carry the first. */
  readonly host?: readonly string[];
  readonly requireVerifiedEmail?: boolean;
  /** JSON file with the login providers (docs/console.md). */
  readonly loginProviders?: string;
  /** Print the ready line as JSON. */
  readonly json?: boolean;
}

/** Resolves when the server has stopped. */
export type RunServer = (options: ServerOptions, io: Io) => Promise<void>;

export function serverCommand(io: Io, run: RunServer): Command {
  return new Command('server')
    .summary('run the embedded control plane')
    .description('Runs the whole control plane on this machine, with one data directory. Prints one line when it is ready.')
    .option('--data <dir>', 'where everything is kept (/var/lib/terrane/server for root, else below XDG_DATA_HOME)')
    .option('--listen <addr:port>', 'plain HTTP, for this machine only (127.0.0.1:7480)')
    .option('--tls-listen <addr:port>', 'HTTPS, with a certificate authority of its own (127.0.0.1:7443)')
    .option('--host <name>', 'name or address by which others reach this server (repeatable)', collect)
    .option('--require-verified-email', 'nothing but reading until the e-mail address is verified')
    .option('--login-providers <file>', 'JSON file with login providers: GitHub, Google, any OpenID Connect issuer')
    .addHelpText('after', '\nTo let other machines in:\n  terrane server --tls-listen 0.0.0.0:7443 --host server.example')
    .action((options: ServerOptions) => run(options, io));
}
