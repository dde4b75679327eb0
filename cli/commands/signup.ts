import { Command } from 'commander';
import type { LoginView } from '../../core/accounts/api.ts';
import { type LoginOptions, meetServer, saveLogin } from '../login.ts';
import type { Io } from '../io.ts';
import { withTrust } from '../options.ts';
import { note, printResult } from '../output/print.ts';
import { readPassword } from '../password.ts';

interface Options extends LoginOptions {
  readonly email: string;
  readonly org?: string;
  readonly invitation?: string;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

export function signupCommand(io: Io): Command {
  return withTrust(new Command('signup'))
    .summary('make an account and an organisation')
    .description('Makes an account and an organisation, and logs in.')
    .requiredOption('--email <address>', 'your e-mail address')
    .option('--org <name>', 'name of the new organisation')
    .option('--invitation <code>', 'join the organisation that invited you instead')
    .option('--password-stdin', 'read the password from standard input')
    .addHelpText('after', '\nExample:\n  terrane signup --server http://127.0.0.1:7480 --email you@example.com --org acme')
    .action((options: Options, command: Command) => {
      if (!options.org && !options.invitation)
        command.error("error: required option '--org <name>' (or --invitation) not specified");
      return run(io, options);
    });
}

async function run(io: Io, options: Options): Promise<void> {
  const { email, org, invitation, json = false } = options;
  const met = await meetServer(io, options);
  const password = await readPassword(io, { fromInput: options.passwordStdin ?? false, twice: true });
  const body = { email, password, ...(invitation ? { invitation } : { organisation: org }) };
  const login = await met.http.json<LoginView>({ method: 'POST', path: '/v1/signup', body });
  await saveLogin(io, met, login, options.context);
  const { token: _, ...view } = login;
  await printResult(io, json, view, `Signed up as ${login.user.email}, organisation ${login.organisation.name}.`);
  if (!login.user.verified)
    await note(io, json, 'We sent you a mail: open its link, or run `terrane verify TOKEN` with the token in it.');
  await note(io, json, 'Next: terrane cluster create NAME');
}
