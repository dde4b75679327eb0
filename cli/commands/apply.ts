import { Command } from 'commander';
import type { Io } from '../io.ts';
import { line } from '../io.ts';
import { type Applied, applyOne, preflight, settle } from '../kube/apply.ts';
import { DEPLOYMENT } from '../kube/kinds.ts';
import { readManifests } from '../kube/manifests.ts';
import { fullName } from '../kube/names.ts';
import { followRollout } from '../kube/rollout.ts';
import { collect, type NamespaceOptions, timeOption, withNamespace } from '../options.ts';
import { printJson } from '../output/print.ts';
import { openSession } from '../session.ts';

interface Options extends NamespaceOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export function applyCommand(io: Io): Command {
  return withNamespace(new Command('apply'))
    .summary('make the cluster have what files say')
    .description('Creates what is not there and changes what is, as the files say. If any of it is wrong, nothing is changed.')
    .requiredOption('-f, --filename <file>', 'YAML or JSON file, directory, or - for standard input (repeatable)', collect)
    .option('-R, --recursive', 'directories with those below them')
    .option('--dry-run', 'let the server check it, change nothing')
    .option('--wait', 'until Deployments are rolled out')
    .addOption(timeOption('--timeout <time>', 'how long --wait waits', '5m'))
    .addHelpText('after', '\nExamples:\n  terrane apply -f web.yaml --wait\n  terrane apply -f manifests/ -n shop')
    .action((options: Options, command: Command) => run(io, options, command.getOptionValueSource('namespace') === 'cli'));
}

async function run(io: Io, options: Options, explicit: boolean): Promise<void> {
  // Read first: a file with a mistake needs no server to say so.
  const manifests = await readManifests(io, options.filename, options.recursive ?? false);
  const session = await openSession(io, options);
  const kube = await session.kube();
  const settled = await settle(kube, manifests, { name: options.namespace, explicit });
  if (settled.length > 1) await preflight(kube, settled);
  const results: Applied[] = [];
  for (const one of settled) {
    const applied = await applyOne(kube, one, options.dryRun ?? false);
    results.push(applied);
    if (!session.json)
      await line(
        io.out,
        `${fullName(applied.kind, applied.object.metadata.name)} ${applied.action}${options.dryRun ? ' (dry run)' : ''}`,
      );
  }
  if (options.wait && !options.dryRun) {
    const rollouts = results
      .filter(({ kind }) => kind === DEPLOYMENT)
      .map(({ object: { metadata } }) => ({ namespace: metadata.namespace ?? 'default', name: metadata.name }));
    for (const rollout of rollouts)
      await followRollout(io, kube, rollout, { timeoutSeconds: options.timeout, quiet: session.json });
  }
  if (session.json) await printJson(io, { results: results.map(({ action, object }) => ({ action, object })) });
}
