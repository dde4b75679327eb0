import { Command } from 'commander';
import type { Deployment } from '../../core/resources/schema/deployment.ts';
import type { Event } from '../../core/resources/schema/event.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import type { Io } from '../io.ts';
import { DEPLOYMENT, EVENT, NODE, POD, UNIT } from '../kube/kinds.ts';
import { withCluster } from '../options.ts';
import { printJson } from '../output/print.ts';
import { printStatus } from '../output/status.ts';
import { openSession, type SessionOptions } from '../session.ts';
import { summarise } from '../../core/status/summarise.ts';

export function statusCommand(io: Io): Command {
  return withCluster(new Command('status'))
    .summary('the cluster at a glance: what runs, what is wrong and why')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const cluster = await session.cluster();
      const kube = await session.kube();
      const [nodes, deployments, pods, units, events] = await Promise.all([
        kube.list<Node>(NODE, undefined),
        kube.list<Deployment>(DEPLOYMENT, undefined),
        kube.list<Pod>(POD, undefined),
        kube.list<Unit>(UNIT, undefined),
        kube.list<Event>(EVENT, undefined, { fieldSelector: 'type=Warning' }),
      ]);
      const status = summarise(
        { nodes: nodes.items, deployments: deployments.items, pods: pods.items, units: units.items, warnings: events.items },
        io.now(),
      );
      const { server, organisation } = session.context;
      const where = { cluster: cluster.name, server, ...(organisation ? { organisation } : {}) };
      if (session.json) await printJson(io, { ...where, ...status });
      else await printStatus(io, where, status);
    });
}
