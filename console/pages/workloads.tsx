import type { ClusterView } from '../../core/accounts/api.ts';
import type { Deployment } from '../../core/resources/schema/deployment.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { summarise, type WorkloadSummary } from '../../core/status/summarise.ts';
import { Badge, Live } from '../components/badge.tsx';
import { ClusterFrame } from '../components/cluster-frame.tsx';
import { Cli } from '../components/copy.tsx';
import { Empty, Loading, Problem } from '../components/states.tsx';
import { type Column, Table } from '../components/table.tsx';
import { Units } from '../components/units.tsx';
import { useWatch } from '../state/use-watch.ts';
import { PodState } from './nodes.tsx';

export function WorkloadsPage({ id }: { readonly id: string }) {
  return <ClusterFrame id={id}>{(cluster) => <Workloads cluster={cluster} />}</ClusterFrame>;
}

const COLUMNS: readonly Column<WorkloadSummary>[] = [
  {
    title: 'Name',
    cell: ({ kind, namespace, name }) => (
      <>
        <span class="name">{name}</span>{' '}
        <span class="quiet">
          {kind} in {namespace}
        </span>
      </>
    ),
  },
  { title: 'Ready', cell: ({ ready, wanted }) => `${ready} of ${wanted}` },
  {
    title: 'State',
    cell: ({ healthy, state, why }) => (
      <>
        <Badge tone={healthy ? 'good' : why.length > 0 ? 'bad' : 'warn'}>
          {healthy ? 'Healthy' : why.length > 0 ? 'Trouble' : 'On its way'}
        </Badge>{' '}
        {state}
        {why.map((reason) => (
          <p key={reason} class="why">
            {reason}
          </p>
        ))}
      </>
    ),
  },
];

const POD_COLUMNS: readonly Column<Pod>[] = [
  {
    title: 'Pod',
    cell: ({ metadata }) => (
      <span class="name">
        {metadata.namespace}/{metadata.name}
      </span>
    ),
  },
  { title: 'Node', cell: ({ spec }) => spec.nodeName ?? 'not placed yet' },
  { title: 'State', cell: (pod) => <PodState pod={pod} /> },
];

function Workloads({ cluster }: { readonly cluster: ClusterView }) {
  const base = `/clusters/${cluster.id}`;
  const deployments = useWatch<Deployment>(`${base}/apis/apps/v1/deployments`);
  const pods = useWatch<Pod>(`${base}/api/v1/pods`);
  const units = useWatch<Unit>(`${base}/apis/terrane.dev/v1/units`);
  const problem = deployments.problem ?? pods.problem ?? units.problem;
  if (!deployments.items || !pods.items || !units.items)
    return problem ? <Problem problem={problem} /> : <Loading what="the workloads" />;
  const objects = { nodes: [], deployments: deployments.items, pods: pods.items, warnings: [] };
  const { workloads } = summarise(objects, Date.now());
  return (
    <section aria-label="Workloads">
      <div class="page-head">
        <p>What was applied, where it stands, and why something waits.</p>
        <Live live={deployments.live && pods.live && units.live} />
      </div>
      <Problem problem={problem} />
      {workloads.length === 0 && units.items.length === 0 && pods.items.length === 0 && (
        <Empty>
          <p>Nothing was applied yet. With a kubeconfig, or a systemd unit file:</p>
          <pre tabIndex={0} aria-label="examples">
            <code>
              kubectl --kubeconfig kubeconfig-{cluster.name} apply -f docs/examples/web.yaml{'\n'}
              terrane unit start hello.service --cluster {cluster.name}
            </code>
          </pre>
        </Empty>
      )}
      {workloads.length > 0 && (
        <Table
          caption="Workloads"
          columns={COLUMNS}
          rows={workloads}
          keyOf={({ kind, namespace, name }) => `${kind}/${namespace}/${name}`}
        />
      )}
      {units.items.length > 0 && (
        <>
          <h2>Units</h2>
          <Units cluster={cluster} units={units.items} />
        </>
      )}
      {pods.items.length > 0 && (
        <>
          <h2>Pods</h2>
          <Table
            caption="Pods"
            columns={POD_COLUMNS}
            rows={pods.items}
            keyOf={({ metadata }) => `${metadata.namespace}/${metadata.name}`}
          />
        </>
      )}
      <Cli>
        {[
          `terrane status --cluster ${cluster.name}`,
          `terrane get pods -A --cluster ${cluster.name}`,
          `terrane unit list --cluster ${cluster.name}`,
        ]}
      </Cli>
    </section>
  );
}
