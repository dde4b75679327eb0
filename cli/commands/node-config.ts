import { Command, Option } from 'commander';
import type { ServerInfo, TokenView } from '../../core/accounts/api.ts';
import { isLocal } from '../../core/accounts/join-command.ts';
import { nodeNameFrom } from '../../core/accounts/node-name.ts';
import { CLOUD_CONFIG_HEADER, cloudConfig } from '../../core/provisioning/cloud-config.ts';
import { ignitionConfig } from '../../core/provisioning/ignition.ts';
import { joinService } from '../../core/provisioning/join-service.ts';
import { type Platform, PLATFORMS } from '../../core/provisioning/platforms.ts';
import { CliError, usageError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { joinCommand } from '../join-command.ts';
import { timeSpan, wholeNumber, withCluster } from '../options.ts';
import { timeLeft } from '../output/age.ts';
import { printJson } from '../output/print.ts';
import { openSession, type Session, type SessionOptions } from '../session.ts';

const FORMATS = ['ignition', 'cloud-init'] as const;

interface ConfigOptions extends SessionOptions {
  readonly platform: Platform;
  readonly format: (typeof FORMATS)[number];
  readonly name?: string;
  /** Seconds. */
  readonly expires: number;
  readonly uses: number;
}

/** A machine is made some time after its document. */
const TOKEN_SECONDS = 86_400;

export function configCommand(io: Io): Command {
  return withCluster(new Command('config'))
    .summary('print a document that makes new machines join at their first boot')
    .description(
      'Prints an Ignition or cloud-init document with a new join token in it. Keep it as you would the token: whoever reads it can join that many hosts until it expires.',
    )
    .addOption(new Option('--platform <platform>', 'where the machines are made').choices([...PLATFORMS]).makeOptionMandatory())
    .addOption(
      new Option('--format <format>', 'ignition: Flatcar, Fedora CoreOS; cloud-init: Debian, Ubuntu')
        .choices([...FORMATS])
        .makeOptionMandatory(),
    )
    .option('--name <name>', "the node's name (default: the platform's name of the machine, or its host name)")
    .option('--expires <time>', 'how long machines may join with it: 1h, 7d', timeSpan, TOKEN_SECONDS)
    .option('--uses <n>', 'how many machines may join with it', wholeNumber, 1)
    .action(async (options: ConfigOptions) => print(io, await openSession(io, options), options));
}

async function print(io: Io, session: Session, { platform, format, name, expires, uses }: ConfigOptions): Promise<void> {
  if (name !== undefined && uses !== 1) throw usageError('--name is for one machine', 'Leave it out, or leave out --uses.');
  if (name !== undefined && nodeNameFrom(name) !== name)
    throw usageError(
      `--name ${name} is no node name`,
      `Expected lower-case letters, digits, - and . such as ${nodeNameFrom(name)}.`,
    );
  const info = await session.http.json<ServerInfo>({ path: '/v1/info' });
  if (isLocal(info.url))
    throw new CliError(`this control plane answers on this machine only (${info.url}): other machines can not join it`, {
      fix: 'Start it with --tls-listen 0.0.0.0:7443 --host NAME, or use the hosted service.',
    });
  const cluster = await session.cluster();
  const body = { kind: 'join', cluster: cluster.id, expiresIn: expires, uses };
  const { secret, ...token } = await session.http.json<TokenView & { secret: string }>({
    method: 'POST',
    path: '/v1/tokens',
    body,
  });
  const service = joinService({ platform, joinLine: await joinCommand(session.http, info, { ...token, secret }), name });
  const text = format === 'ignition' ? ignitionConfig(service) : await cloudInit(service);
  if (session.json) return printJson(io, { platform, format, document: text, token });
  const machines = uses === 1 ? 'one machine' : `up to ${uses} machines`;
  await line(io.err, `Good for ${machines}, for ${timeLeft(token.expiresAt, io.now())} (docs/hosts.md says where it goes).`);
  return io.out.write(text);
}

async function cloudInit(service: ReturnType<typeof joinService>): Promise<string> {
  const { stringify } = await import('../yaml.ts');
  return CLOUD_CONFIG_HEADER + stringify(cloudConfig(service), { lineWidth: 0 });
}
