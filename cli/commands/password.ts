import { Command } from 'commander';
import { usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import { type LoginOptions, meetServer } from '../login.ts';
import { withSession, withTrust } from '../options.ts';
import { printResult } from '../output/print.ts';
import { askNewPassword, readPassword } from '../password.ts';
import { openSession, type SessionOptions } from '../session.ts';

export function passwordCommand(io: Io): Command {
  return new Command('password')
    .summary('change your password, or set a new one by mail')
    .addCommand(changeCommand(io))
    .addCommand(forgotCommand(io))
    .addCommand(resetCommand(io));
}

function changeCommand(io: Io): Command {
  return withSession(new Command('change'))
    .summary('change your password; your other sessions end')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      if (!io.input.isTerminal)
        throw usageError("can't ask for the passwords: standard input is no terminal", 'Without one: terrane password forgot');
      const current = await readPassword(io, { fromInput: false, twice: false });
      const password = await askNewPassword(io);
      await session.http.json({ method: 'POST', path: '/v1/password', body: { current, password } });
      await printResult(io, session.json, { changed: true }, 'The password is changed. Your other sessions have ended.');
    });
}

interface ForgotOptions extends LoginOptions {
  readonly email: string;
  readonly json?: boolean;
}

function forgotCommand(io: Io): Command {
  return withTrust(new Command('forgot'))
    .summary('get a mail with which you can set a new password')
    .requiredOption('--email <address>', 'your e-mail address')
    .action(async ({ email, json = false, ...options }: ForgotOptions) => {
      const { http } = await meetServer(io, options);
      const answer = await http.json<{ email: string }>({ method: 'POST', path: '/v1/password/forgot', body: { email } });
      await printResult(io, json, answer, `If there is an account with ${answer.email}, a mail says how to go on.`);
    });
}

interface ResetOptions extends LoginOptions {
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

function resetCommand(io: Io): Command {
  return withTrust(new Command('reset'))
    .summary('set a new password with the token from the mail; all your sessions end')
    .argument('<token>', 'from the mail')
    .option('--password-stdin', 'read the password from standard input')
    .action(async (token: string, { passwordStdin = false, json = false, ...options }: ResetOptions) => {
      const { http } = await meetServer(io, options);
      const password = await readPassword(io, { fromInput: passwordStdin, twice: true });
      const body = { token, password };
      const answer = await http.json<{ email: string }>({ method: 'POST', path: '/v1/password/reset', body });
      await printResult(io, json, answer, `The password of ${answer.email} is set. Log in with it: terrane login`);
    });
}
