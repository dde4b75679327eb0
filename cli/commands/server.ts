import { Command } from 'commander';
import { serverDataPath } from '../config/paths.ts';
import type { Io } from '../io.ts';

export interface ServerOptions {
  /** Where everything is kept. */
  readonly data: string;
  /** ADDRESS:PORT of plain HTTP. Loopback only. */
  readonly listen: string;
  /** ADDRESS:PORT of HTTPS. */
  readonly tlsListen: string;
  readonly json: boolean;
  /** Names or addresses that hosts and people call the server by; the certificate and the join command carry them. */
  readonly host: readonly string[];
}

/** Resolves when the server has stopped. */
export type RunServer = (options: ServerOptions, io: Io) => Promise<void>;

export function serverCommand(io: Io, run: RunServer): Command {
  return new Command('server')
    .summary('run the embedded control plane')
    .description('Runs the whole control plane on this machine, with one data directory. Prints one line when it is ready.')
    .option('--data <dir>', 'where everything is kept', serverDataPath(io.env))
    .option('--listen <addr:port>', 'plain HTTP, for this machine only', '127.0.0.1:7480')
    .option('--tls-listen <addr:port>', 'HTTPS, with a certificate authority of its own', '127.0.0.1:7443')
    .option('--host <name...>', 'name or address by which others reach this server (repeatable)', [])
    .action((_, command: Command) => {
      const { data, listen, tlsListen, host, json } = command.optsWithGlobals<ServerOptions & { json?: boolean }>();
      return run({ data, listen, tlsListen, host, json: json ?? false }, io);
    });
}
