import { type Command, CommanderError } from 'commander';
import { EXIT, type ExitCode } from './errors.ts';
import type { Io } from './io.ts';
import { reportError } from './output/report-error.ts';

/** Runs one command line (without `node` and the script) and says how it ended. Never throws. */
export async function runProgram(program: Command, io: Io, args: readonly string[]): Promise<ExitCode> {
  try {
    await program.parseAsync(args as string[], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // Help and version end this way too; commander has printed what there is to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportError(error, io, args.includes('--json'));
  }
}

/** Gives every command of the tree the same manners: errors are thrown, output goes through `io`. */
export function settle(command: Command, io: Io): void {
  command.exitOverride().configureOutput({
    // Nobody waits for these: a reader that has gone is no reason to complain.
    writeOut: (text) => void io.out.write(text).catch(() => {}),
    writeErr: (text) => void io.err.write(text).catch(() => {}),
    getOutHelpWidth: () => io.out.columns ?? 100,
    getErrHelpWidth: () => io.err.columns ?? 100,
    outputError: (text, write) => write(text),
  });
  command.showHelpAfterError('(add --help for usage)');
  command.showSuggestionAfterError();
  for (const child of command.commands) settle(child, io);
}
