import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { ServerInfo, TokenView } from '../../core/accounts/api.ts';
import { kubeconfigFor } from '../../core/accounts/kubeconfig.ts';
import { CliError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { timeSpan, withCluster } from '../options.ts';
import { timeLeft } from '../output/age.ts';
import { printJson } from '../output/print.ts';
import { openSession, type SessionOptions } from '../session.ts';

interface Options extends SessionOptions {
  readonly out?: string;
  /** Seconds. */
  readonly expires?: number;
}

export function kubeconfigCommand(io: Io): Command {
  return withCluster(new Command('kubeconfig'))
    .summary('print a kubeconfig for kubectl')
    .description('Makes an API token for the cluster and prints a kubeconfig that works with stock kubectl.')
    .option('--expires <time>', 'how long its token lasts (90d)', timeSpan)
    .option('--out <file>', 'write it to a file (0600) instead')
    .addHelpText(
      'after',
      '\nExample:\n  terrane kubeconfig --out ~/.kube/terrane && kubectl --kubeconfig ~/.kube/terrane get nodes',
    )
    .action((options: Options) => run(io, options));
}

async function run(io: Io, options: Options): Promise<void> {
  const session = await openSession(io, options);
  const cluster = await session.cluster();
  const info = await session.http.json<ServerInfo>({ path: '/v1/info' });
  if (!info.url.startsWith('https://'))
    throw new CliError(`this control plane has no https:// address (${info.url})`, {
      fix: 'kubectl sends tokens over TLS only.',
    });
  const body = { kind: 'api', cluster: cluster.id, expiresIn: options.expires };
  const token = await session.http.json<TokenView & { secret: string }>({ method: 'POST', path: '/v1/tokens', body });
  const kubeconfig = kubeconfigFor(info, cluster, token.secret);
  const { stringify } = await import('../yaml.ts');
  const text = session.json ? `${JSON.stringify(kubeconfig, null, 2)}\n` : stringify(kubeconfig, { lineWidth: 0 });
  if (!options.out) {
    await io.out.write(text);
    return;
  }
  await writeFile(options.out, text, { mode: 0o600 });
  if (session.json) await printJson(io, { file: options.out, token: token.id });
  else await line(io.err, `${options.out} is written; its token ${token.id} lasts ${timeLeft(token.expiresAt, io.now())}`);
}
