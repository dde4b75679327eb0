import { Command } from 'commander';
import { type RunAgent, agentCommand } from './commands/agent.ts';
import { type RunServer, serverCommand } from './commands/server.ts';
import type { Io } from './io.ts';
import { settle } from './run.ts';

export interface ProgramDeps {
  readonly io: Io;
  readonly version: string;
  readonly runServer: RunServer;
  readonly runAgent: RunAgent;
}

/** The command tree. One command a file, below commands/. */
export function createProgram({ io, version, runServer, runAgent }: ProgramDeps): Command {
  const program = new Command('terrane')
    .description('Run containers on hosts anywhere, operate nothing.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'help for a command')
    .enablePositionalOptions(false);
  program.addCommand(serverCommand(io, runServer));
  program.addCommand(agentCommand(io, runAgent));
  for (const command of leaves(program)) command.option('--json', 'print JSON');
  settle(program, io);
  return program;
}

function leaves(command: Command): Command[] {
  return command.commands.flatMap((child) => (child.commands.length > 0 ? leaves(child) : [child]));
}
