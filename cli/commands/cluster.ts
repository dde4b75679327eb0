import { Command } from 'commander';
import type { ClusterView } from '../../core/accounts/api.ts';
import { confirm } from '../confirm.ts';
import { type Io, line } from '../io.ts';
import { withSession } from '../options.ts';
import { ageOf } from '../output/age.ts';
import { note, printJson, printResult } from '../output/print.ts';
import { printTable } from '../output/table.ts';
import { openSession, type SessionOptions } from '../session.ts';

export function clusterCommand(io: Io): Command {
  return new Command('cluster')
    .summary('make, list, choose and delete clusters')
    .addCommand(createCommand(io))
    .addCommand(listCommand(io))
    .addCommand(useCommand(io))
    .addCommand(deleteCommand(io));
}

function createCommand(io: Io): Command {
  return withSession(new Command('create'))
    .summary('make a cluster and choose it')
    .argument('<name>')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const cluster = await session.http.json<ClusterView>({ method: 'POST', path: '/v1/clusters', body: { name } });
      await session.choose(cluster);
      await printResult(io, session.json, cluster, `Cluster ${cluster.name} is there; commands are about it from now on.`);
      await note(io, session.json, 'Next: terrane token create --kind join, on each host run what it prints');
    });
}

function listCommand(io: Io): Command {
  return withSession(new Command('list'))
    .alias('ls')
    .summary('list clusters; * is the chosen one')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const clusters = await session.clusters();
      if (session.json) return printJson(io, { clusters });
      if (clusters.length === 0) return line(io.err, 'no cluster yet: terrane cluster create NAME');
      const chosen = io.env.TERRANE_CLUSTER ?? session.context.cluster?.id;
      return printTable<ClusterView>(
        io,
        [
          { title: 'NAME', value: ({ name }) => name },
          { title: 'CHOSEN', value: ({ id, name }) => (id === chosen || name === chosen ? '*' : '') },
          { title: 'NODES', value: ({ nodes }) => nodes },
          { title: 'AGE', value: ({ createdAt }) => ageOf(createdAt, io.now()) },
          { title: 'ID', value: ({ id }) => id },
        ],
        clusters,
      );
    });
}

function useCommand(io: Io): Command {
  return withSession(new Command('use'))
    .summary('choose the cluster that commands are about')
    .argument('<name>')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const cluster = await session.clusterNamed(name);
      await session.choose(cluster);
      await printResult(io, session.json, cluster, `Commands are about cluster ${cluster.name} from now on.`);
    });
}

function deleteCommand(io: Io): Command {
  return withSession(new Command('delete'))
    .summary('delete a cluster without nodes, with all its resources')
    .argument('<name>')
    .option('-y, --yes', "don't ask")
    .action(async (name: string, options: SessionOptions & { yes?: boolean }) => {
      const session = await openSession(io, options);
      const cluster = await session.clusterNamed(name);
      await confirm(io, `Delete cluster ${cluster.name} and everything in it?`, options.yes);
      await session.http.json({ method: 'DELETE', path: `/v1/clusters/${encodeURIComponent(cluster.id)}` });
      if (session.context.cluster?.id === cluster.id) await session.choose(undefined);
      await printResult(io, session.json, { deleted: cluster }, `Cluster ${cluster.name} is deleted.`);
    });
}
