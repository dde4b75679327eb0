import { Command } from 'commander';
import type { Io } from '../io.ts';
import { type LoginOptions, meetServer } from '../login.ts';
import { withTrust } from '../options.ts';
import { printResult } from '../output/print.ts';

export function verifyCommand(io: Io): Command {
  return withTrust(new Command('verify'))
    .summary('confirm your e-mail address')
    .description('Confirms an e-mail address with the token from the mail. Needs no login.')
    .argument('<token>', 'from the link in the mail (or the whole link)')
    .action(async (text: string, options: LoginOptions & { json?: boolean }) => {
      const { http } = await meetServer(io, options);
      const token = URL.canParse(text) ? new URL(text).hash.slice(1) : text;
      const answer = await http.json<{ email: string; verified: boolean }>({
        method: 'POST',
        path: '/v1/verify',
        body: { token },
      });
      await printResult(io, options.json ?? false, answer, `${answer.email} is verified.`);
    });
}
