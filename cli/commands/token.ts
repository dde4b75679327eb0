import { Command, Option } from 'commander';
import type { ServerInfo, TokenKind, TokenView } from '../../core/accounts/api.ts';
import { isLocal } from '../../core/accounts/join-command.ts';
import { usageError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { joinCommand } from '../join-command.ts';
import { timeSpan, wholeNumber, withCluster, withSession } from '../options.ts';
import { ageOf, timeLeft } from '../output/age.ts';
import { note, printJson, printResult } from '../output/print.ts';
import { printTable } from '../output/table.ts';
import { openSession, type Session, type SessionOptions } from '../session.ts';
import { updateUrl } from '../update-url.ts';

export function tokenCommand(io: Io): Command {
  return new Command('token')
    .summary('tokens for hosts (join), programs (api) and updates (update)')
    .addCommand(createCommand(io))
    .addCommand(listCommand(io))
    .addCommand(revokeCommand(io));
}

interface CreateOptions extends SessionOptions {
  readonly kind: TokenKind;
  /** Seconds. */
  readonly expires?: number;
  readonly uses?: number;
  readonly role?: string;
}

function createCommand(io: Io): Command {
  return withCluster(new Command('create'))
    .summary('make a token; `join` prints the command that joins a host, `update` the lines that point a host here')
    .addOption(
      new Option('--kind <kind>', 'join: for hosts; api: for programs; update: for operating systems that update themselves')
        .choices(['join', 'api', 'update'])
        .makeOptionMandatory(),
    )
    .option('--expires <time>', 'how long it lasts: 30m, 12h, 30d (join: 1h, api: 90d, update: 1y)', timeSpan)
    .option('--uses <n>', 'how many hosts may join with it (1)', wholeNumber)
    .addOption(new Option('--role <role>', 'api: what it may do (your own role)').choices(['owner', 'admin', 'editor', 'viewer']))
    .action(async (options: CreateOptions) => create(io, await openSession(io, options), options));
}

async function create(io: Io, session: Session, { kind, expires, uses, role, cluster }: CreateOptions): Promise<void> {
  // An API token is for the whole organisation unless a cluster is named; a host joins one cluster.
  const forCluster = kind !== 'api' ? (await session.cluster()).id : cluster && (await session.clusterNamed(cluster)).id;
  const body = { kind, cluster: forCluster, expiresIn: expires, uses, role };
  const token = await session.http.json<TokenView & { secret: string }>({ method: 'POST', path: '/v1/tokens', body });
  const { secret, ...view } = token;
  if (kind === 'api') {
    await printResult(io, session.json, { ...view, token: secret }, secret);
    return note(
      io,
      session.json,
      `It is shown this once. Use it as TERRANE_TOKEN or as a Bearer token. It expires in ${timeLeft(token.expiresAt, io.now())}.`,
    );
  }
  const info = await session.http.json<ServerInfo>({ path: '/v1/info' });
  if (kind === 'update') {
    const url = updateUrl(info.url, secret);
    if (!session.json)
      await line(io.err, 'Put this into /etc/flatcar/update.conf of each host (docs/updates.md has other systems):');
    return printResult(io, session.json, { ...view, token: secret, url }, `SERVER=${url}`);
  }
  const command = await joinCommand(session.http, info, token);
  if (!session.json) {
    const hosts = token.uses && token.uses.max > 1 ? `up to ${token.uses.max} hosts` : 'one host';
    await line(io.err, `Run this as root on the host (good for ${hosts}, for ${timeLeft(token.expiresAt, io.now())}):`);
    if (isLocal(info.url))
      await line(
        io.err,
        `This control plane answers on this machine only (${info.url}). For other hosts start it with --tls-listen 0.0.0.0:7443 --host NAME.`,
      );
  }
  return printResult(io, session.json, { ...view, token: secret, command }, command);
}

function listCommand(io: Io): Command {
  return withSession(new Command('list'))
    .alias('ls')
    .summary('list tokens')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const answer = await session.http.json<{ tokens: readonly TokenView[] }>({ path: '/v1/tokens' });
      if (session.json) return printJson(io, answer);
      if (answer.tokens.length === 0) return line(io.err, 'no tokens');
      const names = new Map((await session.clusters()).map(({ id, name }) => [id, name]));
      return printTable<TokenView>(
        io,
        [
          { title: 'ID', value: ({ id }) => id },
          { title: 'KIND', value: ({ kind }) => kind },
          { title: 'CLUSTER', value: ({ cluster }) => (cluster ? (names.get(cluster) ?? cluster) : undefined) },
          { title: 'ROLE', value: ({ role }) => role },
          { title: 'USED', value: ({ uses }) => uses && `${uses.used}/${uses.max}` },
          { title: 'STATE', value: ({ state }) => state, colour: ({ state }) => (state === 'active' ? 'green' : 'dim') },
          {
            title: 'EXPIRES',
            value: ({ expiresAt }) => (expiresAt > io.now() ? `in ${timeLeft(expiresAt, io.now())}` : 'over'),
          },
          { title: 'AGE', value: ({ createdAt }) => ageOf(createdAt, io.now()) },
        ],
        answer.tokens,
      );
    });
}

function revokeCommand(io: Io): Command {
  return withSession(new Command('revoke'))
    .summary('end a token at once; hosts that have joined with it stay')
    .argument('<id>', 'from `terrane token list`')
    .action(async (id: string, options: SessionOptions) => {
      if (id.startsWith('trn_'))
        throw usageError('that is a token; its id is wanted', 'It is the part after trn_ or trn_join_; see: terrane token list');
      const session = await openSession(io, options);
      await session.http.json({ method: 'DELETE', path: `/v1/tokens/${encodeURIComponent(id)}` });
      await printResult(io, session.json, { revoked: id }, `Token ${id} is revoked.`);
    });
}
