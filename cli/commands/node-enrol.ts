import { Command } from 'commander';
import type { ServerInfo, TokenView } from '../../core/accounts/api.ts';
import { isLocal } from '../../core/accounts/join-command.ts';
import { CliError, usageError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { joinCommand } from '../join-command.ts';
import { timeOption, withCluster } from '../options.ts';
import { note, printJson } from '../output/print.ts';
import { printTable } from '../output/table.ts';
import { openSession, type Session, type SessionOptions } from '../session.ts';
import { enrol, type Enrolment } from '../ssm/enrol.ts';
import { openSsm } from '../ssm/ssm.ts';

interface EnrolOptions extends SessionOptions {
  readonly ssm: readonly string[];
  readonly region?: string;
  readonly timeout: number;
}

/** EC2 instances, and machines elsewhere that are registered with SSM by a hybrid activation. */
const INSTANCE = /^(i-([0-9a-f]{8}|[0-9a-f]{17})|mi-[0-9a-f]{17})$/;

/** Tokens are for one host each, and seen in SSM's history of commands: they last no longer than it takes. */
const TOKEN_SECONDS = 3_600;

export function enrolCommand(io: Io): Command {
  return withCluster(new Command('enrol'))
    .alias('enroll')
    .summary('install the agent on instances that AWS Systems Manager manages')
    .description(
      "Runs the install script on EC2 instances (i-…) and hybrid machines (mi-…) by SSM Run Command, with AWS credentials as AWS' own command line finds them, and a one-time token for each. Exit code 1 if any of them did not join.",
    )
    .requiredOption('--ssm <ids...>', 'instances, by id')
    .option('--region <region>', 'AWS region (AWS_REGION)')
    .addOption(timeOption('--timeout <time>', 'how long the script may run', '10m'))
    .action(async (options: EnrolOptions) => enrolAll(io, await openSession(io, options), options));
}

async function enrolAll(io: Io, session: Session, { ssm: given, region, timeout }: EnrolOptions): Promise<void> {
  const ids = [...new Set(given.flatMap((word) => word.split(',')).filter((word) => word !== ''))];
  const wrong = ids.filter((id) => !INSTANCE.test(id));
  if (wrong.length > 0)
    throw usageError(`not an instance id: ${wrong.join(', ')}`, 'Expected such as i-0123456789abcdef0 or mi-0123456789abcdef0.');
  if (timeout < 30 || timeout > 172_800) throw usageError('--timeout: expected 30s to 48h');
  const cluster = await session.cluster();
  const info = await session.http.json<ServerInfo>({ path: '/v1/info' });
  if (isLocal(info.url))
    throw new CliError(`this control plane answers on this machine only (${info.url}): instances can not join it`, {
      fix: 'Start it with --tls-listen 0.0.0.0:7443 --host NAME, or use the hosted service.',
    });
  const ssm = await openSsm(region);

  const results = await enrol(ids, {
    ssm,
    sleep: (ms) => io.sleep(ms),
    now: () => io.now(),
    comment: `terrane: join cluster ${cluster.name}`,
    timeoutSeconds: timeout,
    progress: (words) => note(io, session.json, words),
    async joinScript() {
      const body = { kind: 'join', cluster: cluster.id, uses: 1, expiresIn: Math.max(TOKEN_SECONDS, timeout) };
      const token = await session.http.json<TokenView & { secret: string }>({ method: 'POST', path: '/v1/tokens', body });
      return {
        script: await joinCommand(session.http, info, token),
        revoke: async () => {
          await session.http.json({ method: 'DELETE', path: `/v1/tokens/${encodeURIComponent(token.id)}` });
        },
      };
    },
  });
  await show(io, session, results);
}

async function show(io: Io, session: Session, results: readonly Enrolment[]): Promise<void> {
  const failed = results.filter(({ state }) => state === 'failed');
  if (session.json) await printJson(io, { instances: results });
  else {
    await printTable<Enrolment>(
      io,
      [
        { title: 'INSTANCE', value: ({ instance }) => instance },
        { title: 'STATE', value: ({ state }) => state, colour: ({ state }) => (state === 'joined' ? 'green' : 'red') },
        // All of it was told when it happened.
        { title: 'PROBLEM', value: ({ problem }) => problem?.split('\n')[0] },
      ],
      results,
    );
    for (const fix of new Set(failed.flatMap((one) => one.fix ?? []))) await line(io.err, fix);
  }
  if (failed.length > 0)
    throw new CliError(`${failed.length} of ${results.length} instances did not join`, {
      code: 'enrolment_failed',
      fix: 'Those that joined stay: run it again for the others.',
    });
}
