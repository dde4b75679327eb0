import { Command } from 'commander';
import type { LoginView } from '../../core/accounts/api.ts';
import { usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import { type LoginOptions, meetServer, saveLogin } from '../login.ts';
import { withTrust } from '../options.ts';
import { printResult } from '../output/print.ts';
import { readPassword } from '../password.ts';

interface Options extends LoginOptions {
  readonly email?: string;
  readonly org?: string;
  readonly invitation?: string;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

export function loginCommand(io: Io): Command {
  return withTrust(new Command('login'))
    .summary('log in')
    .description('Logs in and keeps the session for the next commands.')
    .option('--email <address>', 'your e-mail address')
    .option('--org <name>', 'organisation, if you are in several')
    .option('--invitation <code>', 'accept this invitation, and log in to the organisation that sent it')
    .option('--password-stdin', 'read the password from standard input')
    .action((options: Options) => run(io, options));
}

async function run(io: Io, options: Options): Promise<void> {
  const { org, invitation } = options;
  if (org && invitation) throw usageError('--org and --invitation exclude each other', 'The invitation says which organisation.');
  const met = await meetServer(io, options);
  const email = options.email ?? (await askEmail(io));
  const password = await readPassword(io, { fromInput: options.passwordStdin ?? false, twice: false });
  const body = { email, password, ...(org && { organisation: org }), ...(invitation && { invitation }) };
  const login = await met.http.json<LoginView>({ method: 'POST', path: '/v1/login', body });
  await saveLogin(io, met, login, options.context);
  const { token: _, ...view } = login;
  await printResult(
    io,
    options.json ?? false,
    view,
    `Logged in as ${login.user.email}, organisation ${login.organisation.name}.`,
  );
}

async function askEmail(io: Io): Promise<string> {
  if (!io.input.isTerminal) throw usageError('which account?', 'Add --email ADDRESS.');
  return (await io.input.ask('E-mail: ')).trim();
}
