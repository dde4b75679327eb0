import { nodeIo } from '../cli/node-io.ts';
import { createProgram } from '../cli/program.ts';
import { runProgram } from '../cli/run.ts';

/** The `terrane` command. Server and agent are loaded only by their commands, so that the others start fast. */
const io = nodeIo();
const program = createProgram({
  io,
  version: process.env.TERRANE_VERSION ?? 'dev',
  runServer: async (options, io) => (await import('./server.ts')).runServer(options, io),
  runAgent: async (options, io) => (await import('../agent/main.ts')).runAgent(options, io),
});
process.exitCode = await runProgram(program, io, process.argv.slice(2));
