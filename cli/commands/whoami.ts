import { Command } from 'commander';
import type { MeView } from '../../core/accounts/api.ts';
import type { Io } from '../io.ts';
import { withSession } from '../options.ts';
import { printResult } from '../output/print.ts';
import { openSession, type SessionOptions } from '../session.ts';

export function whoamiCommand(io: Io): Command {
  return withSession(new Command('whoami'))
    .summary('who you are, and where')
    .description('Shows the account, the organisation and the control plane that commands use.')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const me = await session.http.json<MeView>({ path: '/v1/me' });
      const { server, cluster } = session.context;
      const { user, organisation, role } = me;
      const words = [
        `${user.email}${user.verified ? '' : ' (not verified yet)'}`,
        `organisation  ${organisation.name} (${role}), ${organisation.nodes.used} of ${organisation.nodes.limit} nodes`,
        `server        ${server}`,
        `cluster       ${io.env.TERRANE_CLUSTER ?? cluster?.name ?? '-'}`,
      ];
      await printResult(io, session.json, { ...me, server, ...(cluster ? { cluster } : {}) }, words.join('\n'));
    });
}
