import { Command } from 'commander';
import { type RunAgent, agentCommand } from './commands/agent.ts';
import { applyCommand } from './commands/apply.ts';
import { clusterCommand } from './commands/cluster.ts';
import { contextCommand } from './commands/context.ts';
import { deleteCommand } from './commands/delete.ts';
import { describeCommand } from './commands/describe.ts';
import { getCommand } from './commands/get.ts';
import { imageCommand } from './commands/image.ts';
import { kvCommand } from './commands/kv.ts';
import { kubeconfigCommand } from './commands/kubeconfig.ts';
import { loginCommand } from './commands/login.ts';
import { logoutCommand } from './commands/logout.ts';
import { logsCommand } from './commands/logs.ts';
import { netCommand } from './commands/net.ts';
import { nodeCommand } from './commands/node.ts';
import { orgCommand } from './commands/org.ts';
import { passwordCommand } from './commands/password.ts';
import { scaleCommand } from './commands/scale.ts';
import { type RunServer, serverCommand } from './commands/server.ts';
import { sessionCommand } from './commands/session.ts';
import { signupCommand } from './commands/signup.ts';
import { statusCommand } from './commands/status.ts';
import { tokenCommand } from './commands/token.ts';
import { unitCommand } from './commands/unit.ts';
import { updateCommand } from './commands/update.ts';
import { verifyCommand } from './commands/verify.ts';
import { whoamiCommand } from './commands/whoami.ts';
import type { Io } from './io.ts';
import { settle } from './run.ts';

export interface ProgramDeps {
  readonly io: Io;
  readonly version: string;
  readonly runServer: RunServer;
  readonly runAgent: RunAgent;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage or cancelled, 4 not logged in or not allowed.
Environment: TERRANE_SERVER, TERRANE_TOKEN, TERRANE_CLUSTER, TERRANE_CONFIG, NO_COLOR.`;

/** The command tree. One command a file, below commands/. */
export function createProgram({ io, version, runServer, runAgent }: ProgramDeps): Command {
  const program = new Command('terrane')
    .description('Run containers on hosts anywhere, operate nothing.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'help for a command')
    // A command that runs another leaves that one's options alone (kv lock).
    .enablePositionalOptions()
    .addHelpText('after', EXIT_CODES);

  program.commandsGroup('Account:');
  for (const make of [
    signupCommand,
    verifyCommand,
    loginCommand,
    logoutCommand,
    passwordCommand,
    sessionCommand,
    whoamiCommand,
    orgCommand,
    contextCommand,
  ])
    program.addCommand(make(io));
  program.commandsGroup('Cluster and hosts:');
  for (const make of [
    clusterCommand,
    statusCommand,
    tokenCommand,
    nodeCommand,
    netCommand,
    updateCommand,
    kvCommand,
    kubeconfigCommand,
  ])
    program.addCommand(make(io));
  program.commandsGroup('Workloads:');
  for (const make of [
    applyCommand,
    getCommand,
    describeCommand,
    logsCommand,
    scaleCommand,
    deleteCommand,
    unitCommand,
    imageCommand,
  ])
    program.addCommand(make(io));
  program.commandsGroup('Run Terrane itself:');
  program.addCommand(serverCommand(io, runServer));
  program.addCommand(agentCommand(io, runAgent));

  for (const command of leaves(program)) command.option('--json', 'print JSON');
  settle(program, io);
  return program;
}

function leaves(command: Command): Command[] {
  return command.commands.flatMap((child) => (child.commands.length > 0 ? leaves(child) : [child]));
}
