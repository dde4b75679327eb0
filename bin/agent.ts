import { runAgent } from '../agent/main.ts';
import { agentCommand } from '../cli/commands/agent.ts';
import { nodeIo } from '../cli/node-io.ts';
import { runProgram, settle } from '../cli/run.ts';

/** The agent as it is installed on hosts: `terrane agent` alone, without the rest of the command line. */
const io = nodeIo();
const program = agentCommand(io, runAgent, 'terrane-agent')
  .version(process.env.TERRANE_VERSION ?? 'dev', '--version', 'print the version')
  .option('--json', 'print JSON');
settle(program, io);
process.exitCode = await runProgram(program, io, process.argv.slice(2));
// A connection that the other side doesn't end would hold up a service that has stopped, and an upgrade.
setTimeout(() => process.exit(), 1000).unref();
