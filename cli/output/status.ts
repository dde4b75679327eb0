import { type Io, line } from '../io.ts';
import type { NodeSummary, StatusSummary, WarningSummary, WorkloadSummary } from '../../core/status/summarise.ts';
import { ageOf } from './age.ts';
import { paint } from './colour.ts';
import { printTable } from './table.ts';

export interface StatusWhere {
  readonly cluster: string;
  readonly server: string;
  readonly organisation?: string;
}

/** The cluster on one screen: a verdict, nodes, workloads, and below them what is wrong and why. */
export async function printStatus(io: Io, where: StatusWhere, status: StatusSummary): Promise<void> {
  const verdict = status.nodes.length === 0 ? 'no nodes' : status.healthy ? 'all is well' : 'something is wrong';
  const tone = status.healthy ? 'green' : 'yellow';
  await line(
    io.out,
    `cluster ${where.cluster}${where.organisation ? ` of ${where.organisation}` : ''} at ${where.server}: ${paint(io.out, io.env, tone, verdict)}`,
  );
  await line(io.out);
  if (status.nodes.length === 0)
    await line(io.out, 'No node has joined: terrane token create --kind join, and run what it prints on a host.');
  else {
    await printTable<NodeSummary>(
      io,
      [
        { title: 'NODE', value: ({ name }) => name },
        { title: 'STATE', value: nodeState, colour: ({ state }) => (state === 'Ready' ? 'green' : 'red') },
        { title: 'PODS', value: ({ pods }) => pods },
        { title: 'WHY', value: ({ why }) => why ?? '' },
      ],
      status.nodes,
    );
  }
  await line(io.out);
  if (status.workloads.length === 0) await line(io.out, 'Nothing runs yet: terrane apply -f FILE');
  else {
    await printTable<WorkloadSummary>(
      io,
      [
        {
          title: 'WORKLOAD',
          value: ({ kind, namespace, name }) => `${kind.toLowerCase()} ${namespace ? `${namespace}/` : ''}${name}`,
        },
        {
          title: 'READY',
          value: ({ ready, wanted }) => `${ready}/${wanted}`,
          colour: ({ healthy }) => (healthy ? 'green' : 'yellow'),
        },
        { title: 'STATE', value: ({ state }) => state },
        { title: 'WHY', value: ({ why }) => why.join('; ') },
      ],
      status.workloads,
    );
  }
  if (status.warnings.length === 0) return;
  await line(io.out);
  await printTable<WarningSummary>(
    io,
    [
      { title: 'WARNING', value: ({ reason }) => reason, colour: () => 'yellow' },
      { title: 'ABOUT', value: ({ object }) => object },
      { title: 'AGE', value: ({ at }) => ageOf(at, io.now()) },
      { title: 'MESSAGE', value: ({ message }) => message },
    ],
    status.warnings,
  );
}

function nodeState({ state, cordoned }: NodeSummary): string {
  return cordoned ? `${state}, cordoned` : state;
}
