import { Command } from 'commander';
import type { AuditView, MeView, UsageView } from '../../core/accounts/api.ts';
import { bytesText } from '../../core/accounts/bytes-text.ts';
import { confirm } from '../confirm.ts';
import { usageError } from '../errors.ts';
import type { Io } from '../io.ts';
import { wholeNumber, withSession } from '../options.ts';
import { ageOf } from '../output/age.ts';
import { printJson, printResult } from '../output/print.ts';
import { printTable } from '../output/table.ts';
import { openSession, type SessionOptions } from '../session.ts';

export function orgCommand(io: Io): Command {
  return new Command('org')
    .summary('the organisation: usage, audit log, export, deletion')
    .addCommand(usageCommand(io))
    .addCommand(auditCommand(io))
    .addCommand(exportCommand(io))
    .addCommand(deleteCommand(io));
}

function usageCommand(io: Io): Command {
  return withSession(new Command('usage'))
    .summary('what it has of what its plan allows')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const usage = await session.http.json<UsageView>({ path: '/v1/usage' });
      const rows = (['nodes', 'clusters', 'members'] as const).map(
        (name) => `${name.padEnd(10)}${usage[name].used} of ${usage[name].limit}`,
      );
      const kv = `key-value ${bytesText(usage.kvBytes.used)} of ${bytesText(usage.kvBytes.limit)}`;
      const { month, api, node, updates } = usage.requests;
      const requests = `requests  ${api} api, ${node} node, ${updates} updates in ${month} (no limit)`;
      const { repositories, imageBytes } = usage;
      const size = imageBytes === undefined ? '' : `, images of ${bytesText(imageBytes)}`;
      const images = `images    ${repositories.used} of ${repositories.limit} repositories${size}`;
      await printResult(io, session.json, usage, [`plan      ${usage.plan}`, ...rows, kv, requests, images].join('\n'));
    });
}

interface AuditOptions extends SessionOptions {
  readonly action?: string;
  readonly actor?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly export?: boolean;
}

function auditCommand(io: Io): Command {
  return withSession(new Command('audit'))
    .summary('who did what, newest first')
    .option('--action <name>', 'only these: token.revoke, or token. for all of tokens')
    .option('--actor <who>', 'e-mail address or id')
    .option('--since <time>', '2026-01-31 or 2026-01-31T12:00:00Z')
    .option('--until <time>', 'up to then')
    .option('--limit <n>', 'how many (50)', wholeNumber)
    .option('--export', 'all of them, as one JSON object a line')
    .action(async ({ action, actor, since, until, limit, ...options }: AuditOptions) => {
      const session = await openSession(io, options);
      const query = { action, actor, since, until };
      if (options.export) return pipe(io, await session.http.send({ path: '/v1/audit/export', query }));
      const answer = await session.http.json<{ records: readonly AuditView[] }>({
        path: '/v1/audit',
        query: { ...query, limit },
      });
      if (session.json) return printJson(io, answer);
      return printTable<AuditView>(
        io,
        [
          { title: 'AGE', value: ({ at }) => ageOf(at, io.now()) },
          { title: 'ACTION', value: ({ action: what }) => what },
          { title: 'TARGET', value: ({ target, details }) => (details?.['host'] ? `${target} on ${details['host']}` : target) },
          { title: 'ACTOR', value: ({ actor: by }) => by.name ?? by.id },
          { title: 'FROM', value: ({ ip }) => ip },
        ],
        answer.records,
      );
    });
}

function exportCommand(io: Io): Command {
  return withSession(new Command('export'))
    .summary('all that the organisation has, one JSON object a line; Secrets are in it')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      await pipe(io, await session.http.send({ path: '/v1/organisation/export' }));
    });
}

function deleteCommand(io: Io): Command {
  return withSession(new Command('delete'))
    .summary('delete the organisation and everything in it, for good')
    .argument('<name>', 'the exact name of your organisation')
    .option('-y, --yes', "don't ask")
    .action(async (name: string, options: SessionOptions & { yes?: boolean }) => {
      const session = await openSession(io, options);
      const { organisation } = await session.http.json<MeView>({ path: '/v1/me' });
      if (organisation.name !== name)
        throw usageError(
          `you are logged in to ${organisation.name}, not to ${name}`,
          'Log in to the one you mean: terrane login --org NAME',
        );
      await confirm(io, `Delete organisation ${name} with all clusters, hosts and members, for good?`, options.yes);
      await session.http.json({ method: 'DELETE', path: '/v1/organisation', body: { confirm: name } });
      const { token: _, cluster: __, ...context } = session.context;
      await session.save(context);
      await printResult(io, session.json, { deleted: organisation }, `Organisation ${name} is deleted.`);
    });
}

async function pipe(io: Io, chunks: AsyncIterable<unknown>): Promise<void> {
  for await (const chunk of chunks) await io.out.write(chunk as Uint8Array);
}
