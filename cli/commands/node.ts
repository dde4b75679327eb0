import { Command } from 'commander';
import { confirm } from '../confirm.ts';
import { type Io, line } from '../io.ts';
import { DRAIN_ANNOTATION } from '../../core/node/drain.ts';
import { drainNode } from '../kube/drain.ts';
import { drainUnits } from '../kube/drain-units.ts';
import { type KubeClient, kindPath, type KubeObject } from '../kube/client.ts';
import { NODE } from '../kube/kinds.ts';
import { getTable, tableColumns } from '../kube/table.ts';
import { timeOption, withCluster } from '../options.ts';
import { printJson, printResult } from '../output/print.ts';
import { printTable } from '../output/table.ts';
import { openSession, type SessionOptions } from '../session.ts';
import { configCommand } from './node-config.ts';
import { enrolCommand } from './node-enrol.ts';
import { labelCommand } from './node-label.ts';

export function nodeCommand(io: Io): Command {
  return new Command('node')
    .summary('the hosts of the cluster')
    .addCommand(listCommand(io))
    .addCommand(enrolCommand(io))
    .addCommand(configCommand(io))
    .addCommand(labelCommand(io))
    .addCommand(cordonCommand(io, 'cordon', true, 'place no new pods and units on a node'))
    .addCommand(cordonCommand(io, 'uncordon', false, 'place pods and units on a node again'))
    .addCommand(drainCommand(io))
    .addCommand(removeCommand(io));
}

function listCommand(io: Io): Command {
  return withCluster(new Command('list'))
    .alias('ls')
    .summary('list nodes')
    .option('--wide', 'more columns')
    .action(async (options: SessionOptions & { wide?: boolean }) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      if (session.json) return printJson(io, { nodes: (await kube.list(NODE, undefined)).items });
      const table = await getTable(kube, NODE, {});
      if (table.rows.length === 0)
        return line(io.err, 'no nodes yet: terrane token create --kind join, and run what it prints on a host');
      return printTable(
        io,
        tableColumns(table, { wide: options.wide ?? false, namespace: false, prefix: '', labels: false }),
        table.rows,
      );
    });
}

function cordonCommand(io: Io, name: 'cordon' | 'uncordon', unschedulable: boolean, summary: string): Command {
  return withCluster(new Command(name))
    .summary(summary)
    .argument('<node>')
    .action(async (node: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const object = await setUnschedulable(await session.kube(), node, unschedulable);
      await printResult(io, session.json, object, `node/${node} ${name}ed`);
    });
}

function drainCommand(io: Io): Command {
  return withCluster(new Command('drain'))
    .summary('move the pods and units of a node elsewhere, before work on the host')
    .description(
      'Places nothing new on the node, evicts its pods (never more at once than is allowed), has its units stopped and started elsewhere, and waits until they are gone.',
    )
    .argument('<node>')
    .option('--force', 'also pods that nothing brings back elsewhere')
    .addOption(timeOption('--timeout <time>', 'how long to wait', '10m'))
    .action(async (node: string, options: SessionOptions & { force?: boolean; timeout: number }) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      // Fails for an unknown node before anything is moved.
      await kube.get(NODE, { name: node });
      const deadline = io.now() + options.timeout * 1000;
      const evicted = await drainNode(io, kube, node, {
        force: options.force ?? false,
        timeoutSeconds: options.timeout,
        quiet: session.json,
        cordon: () => setUnschedulable(kube, node, true, true),
      });
      const units = await drainUnits(io, kube, node, { deadline, quiet: session.json });
      const moved = units.filter(({ host }) => host !== undefined && host !== node).length;
      const nowhere = units.filter(({ host }) => host === undefined).length;
      const rest = nowhere > 0 ? `, ${nowhere} units on no host now` : '';
      await printResult(
        io,
        session.json,
        { node, evicted, units },
        `node/${node} drained: ${evicted.length} pods and ${moved} units moved${rest}. Bring it back with: terrane node uncordon ${node}`,
      );
    });
}

function removeCommand(io: Io): Command {
  return withCluster(new Command('remove'))
    .alias('rm')
    .summary('take a host out of the cluster for good')
    .description("Revokes the host's key and deletes the node. Its pods start elsewhere. To leave in good order: drain it first.")
    .argument('<node>')
    .option('-y, --yes', "don't ask")
    .action(async (node: string, options: SessionOptions & { yes?: boolean }) => {
      const session = await openSession(io, options);
      const cluster = await session.cluster();
      await confirm(
        io,
        `Remove node ${node} from cluster ${cluster.name}? Its key is revoked; its pods start elsewhere.`,
        options.yes,
      );
      await session.http.json({
        method: 'DELETE',
        path: `/v1/nodes/${encodeURIComponent(node)}`,
        query: { cluster: cluster.id },
      });
      await printResult(
        io,
        session.json,
        { removed: node },
        `node/${node} removed. On the host: /opt/terrane/uninstall.sh --purge`,
      );
    });
}

/** Uncordoned, it is not drained any more either. */
function setUnschedulable(kube: KubeClient, name: string, unschedulable: boolean, drain?: true): Promise<KubeObject> {
  const annotations = { [DRAIN_ANNOTATION]: drain ? 'true' : null };
  return kube.json<KubeObject>({
    method: 'PATCH',
    path: kindPath(NODE, { name }),
    contentType: 'application/merge-patch+json',
    body: {
      ...((drain || !unschedulable) && { metadata: { annotations } }),
      spec: { unschedulable: unschedulable || null },
    },
  });
}
