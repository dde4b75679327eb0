import { Command } from 'commander';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import { withSession } from '../options.ts';
import { printResult } from '../output/print.ts';
import { openSession, type SessionOptions } from '../session.ts';

export function logoutCommand(io: Io): Command {
  return withSession(new Command('logout'))
    .summary('end the session')
    .description('Ends the session on the server and forgets it here.')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      try {
        await session.http.json({ method: 'POST', path: '/v1/logout' });
      } catch (error) {
        // A session that is over needs no ending.
        if (!(error instanceof CliError) || error.status !== 401) throw error;
      }
      const { token: _, ...context } = session.context;
      await session.save(context);
      await printResult(io, session.json, { loggedOut: true }, `Logged out of ${session.context.server}.`);
    });
}
