import { CliError, usageError } from './errors.ts';
import type { Io } from './io.ts';

/** From standard input (one line) or asked for without showing it; `twice` for a new one. Never an argument: others see those. */
export async function readPassword(io: Io, options: { readonly fromInput: boolean; readonly twice: boolean }): Promise<string> {
  if (options.fromInput) {
    const password = (await io.input.readAll()).replace(/\r?\n$/, '');
    if (!password) throw usageError('no password on standard input');
    if (password.includes('\n')) throw usageError('more than one line on standard input, where the password should be');
    return password;
  }
  if (!io.input.isTerminal)
    throw usageError("can't ask for the password: standard input is no terminal", 'Use --password-stdin.');
  const password = await io.input.ask('Password: ', { hidden: true });
  if (options.twice) await askAgain(io, password);
  return password;
}

/** From a person at a terminal. */
export async function askNewPassword(io: Io): Promise<string> {
  const password = await io.input.ask('New password: ', { hidden: true });
  await askAgain(io, password);
  return password;
}

async function askAgain(io: Io, password: string): Promise<void> {
  if ((await io.input.ask('Once more: ', { hidden: true })) === password) return;
  throw new CliError('the two are not the same', { exit: 2, code: 'usage' });
}
