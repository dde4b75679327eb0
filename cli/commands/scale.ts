import { Command } from 'commander';
import type { Io } from '../io.ts';
import { kindPath, type KubeObject } from '../kube/client.ts';
import { DEPLOYMENT } from '../kube/kinds.ts';
import { fullName, parseOne } from '../kube/names.ts';
import { followRollout } from '../kube/rollout.ts';
import { type NamespaceOptions, timeOption, wholeNumber, withNamespace } from '../options.ts';
import { printResult } from '../output/print.ts';
import { openSession } from '../session.ts';

interface Options extends NamespaceOptions {
  readonly replicas: number;
  readonly wait?: boolean;
  /** Seconds. */
  readonly timeout: number;
}

export function scaleCommand(io: Io): Command {
  return withNamespace(new Command('scale'))
    .summary('set the number of replicas')
    .argument('<kind>', 'KIND NAME, or KIND/NAME')
    .argument('[name]')
    .requiredOption('--replicas <n>', 'how many', wholeNumber)
    .option('--wait', 'until they are available')
    .addOption(timeOption('--timeout <time>', 'how long --wait waits', '5m'))
    .action(async (kind: string, name: string | undefined, options: Options) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const one = await parseOne(kube, name === undefined ? [kind] : [kind, name]);
      const { namespace, replicas } = options;
      const scale = await kube.json<KubeObject>({
        method: 'PATCH',
        path: kindPath(one.kind, { namespace, name: one.name, subresource: 'scale' }),
        contentType: 'application/merge-patch+json',
        body: { spec: { replicas } },
      });
      if (options.wait && one.kind === DEPLOYMENT)
        await followRollout(io, kube, { namespace, name: one.name }, { timeoutSeconds: options.timeout, quiet: session.json });
      await printResult(io, session.json, scale, `${fullName(one.kind, one.name)} scaled to ${replicas}`);
    });
}
