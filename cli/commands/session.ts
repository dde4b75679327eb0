import { Command } from 'commander';
import type { SessionView } from '../../core/accounts/api.ts';
import type { Io } from '../io.ts';
import { withSession } from '../options.ts';
import { ageOf, timeLeft } from '../output/age.ts';
import { printJson, printResult } from '../output/print.ts';
import { printTable } from '../output/table.ts';
import { openSession, type SessionOptions } from '../session.ts';

export function sessionCommand(io: Io): Command {
  return new Command('session').summary('where you are logged in').addCommand(listCommand(io)).addCommand(revokeCommand(io));
}

function listCommand(io: Io): Command {
  return withSession(new Command('list'))
    .alias('ls')
    .summary('list your sessions; * is this one')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const answer = await session.http.json<{ sessions: readonly SessionView[] }>({ path: '/v1/sessions' });
      if (session.json) return printJson(io, answer);
      return printTable<SessionView>(
        io,
        [
          { title: 'ID', value: ({ id }) => id },
          { title: 'THIS', value: ({ current }) => (current ? '*' : '') },
          { title: 'ORGANISATION', value: ({ organisation }) => organisation },
          { title: 'FROM', value: ({ ip }) => ip },
          { title: 'EXPIRES', value: ({ expiresAt }) => `in ${timeLeft(expiresAt, io.now())}` },
          { title: 'AGE', value: ({ createdAt }) => ageOf(createdAt, io.now()) },
        ],
        answer.sessions,
      );
    });
}

function revokeCommand(io: Io): Command {
  return withSession(new Command('revoke'))
    .summary('end a session at once')
    .argument('<id>', 'from `terrane session list`')
    .action(async (id: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      await session.http.json({ method: 'DELETE', path: `/v1/sessions/${encodeURIComponent(id)}` });
      await printResult(io, session.json, { revoked: id }, `Session ${id} has ended.`);
    });
}
