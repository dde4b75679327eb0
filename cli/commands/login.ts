import { Command } from 'commander';
import type { LoginView } from '../../core/accounts/api.ts';
import { deviceLogin } from '../device-login.ts';
import { usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import { type LoginOptions, type MetServer, meetServer, saveLogin } from '../login.ts';
import { withTrust } from '../options.ts';
import { printResult } from '../output/print.ts';
import { readPassword } from '../password.ts';

interface Options extends LoginOptions {
  readonly email?: string;
  readonly org?: string;
  readonly invitation?: string;
  readonly passwordStdin?: boolean;
  readonly device?: boolean;
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
    .option('--device', 'approve the login in a browser, on any machine: no password is typed here')
    .action((options: Options) => run(io, options));
}

async function run(io: Io, options: Options): Promise<void> {
  const { org, invitation } = options;
  if (org && invitation) throw usageError('--org and --invitation exclude each other', 'The invitation says which organisation.');
  if (options.device && (org || invitation || options.email || options.passwordStdin))
    throw usageError(
      '--device takes no --email, --org, --invitation or --password-stdin',
      'Who approves the login says which account.',
    );
  const met = await meetServer(io, options);
  const login = options.device ? await deviceLogin(io, met) : await passwordLogin(io, met, options);
  await saveLogin(io, met, login, options.context);
  const { token: _, ...view } = login;
  await printResult(
    io,
    options.json ?? false,
    view,
    `Logged in as ${login.user.email}, organisation ${login.organisation.name}.`,
  );
}

async function passwordLogin(io: Io, met: MetServer, { org, invitation, ...options }: Options): Promise<LoginView> {
  const email = options.email ?? (await askEmail(io));
  const password = await readPassword(io, { fromInput: options.passwordStdin ?? false, twice: false });
  const body = { email, password, ...(org && { organisation: org }), ...(invitation && { invitation }) };
  return met.http.json<LoginView>({ method: 'POST', path: '/v1/login', body });
}

async function askEmail(io: Io): Promise<string> {
  if (!io.input.isTerminal) throw usageError('which account?', 'Add --email ADDRESS (or --device, to log in with a browser).');
  return (await io.input.ask('E-mail: ')).trim();
}
