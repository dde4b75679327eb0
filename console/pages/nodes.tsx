import type { ClusterView } from '../../core/accounts/api.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import { podTrouble } from '../../core/status/pod-trouble.ts';
import { type NodeSummary, summarise } from '../../core/status/summarise.ts';
import { ask } from '../api/http.ts';
import { Badge, Live } from '../components/badge.tsx';
import { ClusterFrame } from '../components/cluster-frame.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Cli } from '../components/copy.tsx';
import { addressOf, NodeState } from '../components/node-row.tsx';
import { Empty, Loading, Problem } from '../components/states.tsx';
import { UnitState, unitPath } from '../components/unit-state.tsx';
import { When } from '../components/when.tsx';
import { bytes, cpus, plural } from '../format.ts';
import { useMay } from '../state/session.tsx';
import { useWatch } from '../state/use-watch.ts';

export function NodesPage({ id }: { readonly id: string }) {
  return <ClusterFrame id={id}>{(cluster) => <Nodes cluster={cluster} />}</ClusterFrame>;
}

function Nodes({ cluster }: { readonly cluster: ClusterView }) {
  const nodes = useWatch<Node>(`/clusters/${cluster.id}/api/v1/nodes`);
  const pods = useWatch<Pod>(`/clusters/${cluster.id}/api/v1/pods`);
  const units = useWatch<Unit>(`/clusters/${cluster.id}/apis/terrane.dev/v1/units`);
  if (!nodes.items) return nodes.problem ? <Problem problem={nodes.problem} /> : <Loading what="the nodes" />;
  const objects = { nodes: nodes.items, deployments: [], pods: pods.items ?? [], warnings: [] };
  const summaries = new Map(summarise(objects, Date.now()).nodes.map((summary) => [summary.name, summary]));
  return (
    <section aria-label="Nodes">
      <div class="page-head">
        <p>{plural(nodes.items.length, 'node')}</p>
        <Live live={nodes.live} />
      </div>
      <Problem problem={nodes.problem ?? pods.problem ?? units.problem} />
      {nodes.items.length === 0 && (
        <Empty>
          <p>
            No host has joined. <a href={`/cluster/${cluster.id}`}>Make a join command</a>.
          </p>
        </Empty>
      )}
      {nodes.items.map((node) => (
        <NodeCard
          key={node.metadata.name}
          cluster={cluster}
          node={node}
          summary={summaries.get(node.metadata.name)!}
          pods={(pods.items ?? []).filter((pod) => pod.spec.nodeName === node.metadata.name)}
          units={(units.items ?? []).filter(({ status }) =>
            status?.hosts?.some(({ nodeName }) => nodeName === node.metadata.name),
          )}
        />
      ))}
      <Cli>{[`terrane node list --cluster ${cluster.name}`, `terrane describe node NAME --cluster ${cluster.name}`]}</Cli>
    </section>
  );
}

interface NodeCardProps {
  readonly cluster: ClusterView;
  readonly node: Node;
  readonly summary: NodeSummary;
  readonly pods: readonly Pod[];
  readonly units: readonly Unit[];
}

function NodeCard({ cluster, node, summary, pods, units }: NodeCardProps) {
  const mayRemove = useMay('admin');
  const { metadata, status } = node;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Address', addressOf(node)],
    ['Capacity', status?.capacity && `${cpus(status.capacity['cpu'])}, ${bytes(status.capacity['memory'])} memory`],
    ['Free for pods', status?.allocatable && `${cpus(status.allocatable['cpu'])}, ${bytes(status.allocatable['memory'])} memory`],
    ['System', status?.nodeInfo && `${status.nodeInfo.osImage}, Linux ${status.nodeInfo.kernelVersion}`],
    ['Runtime', status?.nodeInfo?.containerRuntimeVersion],
  ];
  return (
    <article class="card" aria-labelledby={`node-${metadata.name}`}>
      <div class="page-head">
        <h2 id={`node-${metadata.name}`}>{metadata.name}</h2>
        <NodeState summary={summary} />
      </div>
      {summary.why && <p>{summary.why}</p>}
      <dl>
        {facts.map(([term, words]) => words && <Fact key={term} term={term} words={words} />)}
        <Fact term="Joined" words={<When at={metadata.creationTimestamp} />} />
      </dl>
      {status?.conditions && status.conditions.length > 0 && (
        <details>
          <summary>Conditions</summary>
          <dl>
            {status.conditions.map(({ type, status: value, reason, message, lastTransitionTime }) => (
              <Fact
                key={type}
                term={type}
                words={
                  <>
                    {value} {reason && `(${reason})`} {message}{' '}
                    {lastTransitionTime && (
                      <span class="quiet">
                        since <When at={lastTransitionTime} />
                      </span>
                    )}
                  </>
                }
              />
            ))}
          </dl>
        </details>
      )}
      <details open={pods.length > 0 && pods.length <= 12}>
        <summary>{plural(pods.length, 'pod')} here</summary>
        <ul class="lines">
          {pods.map((pod) => (
            <li key={`${pod.metadata.namespace}/${pod.metadata.name}`}>
              <span class="name">
                {pod.metadata.namespace}/{pod.metadata.name}
              </span>{' '}
              <PodState pod={pod} />
            </li>
          ))}
        </ul>
      </details>
      {units.length > 0 && (
        <details open={units.length <= 12}>
          <summary>{plural(units.length, 'unit')} here</summary>
          <ul class="lines">
            {units.map((unit) => (
              <li key={unit.metadata.uid}>
                <a class="name" href={unitPath(cluster.id, unit.metadata.name)}>
                  {unit.metadata.name}
                </a>{' '}
                <UnitState unit={unit} />
              </li>
            ))}
          </ul>
        </details>
      )}
      {mayRemove && (
        <Confirm
          verb="Remove"
          of={metadata.name}
          title={`Remove ${metadata.name}?`}
          act={() => ask(`/v1/nodes/${encodeURIComponent(metadata.name)}?cluster=${cluster.id}`, { method: 'DELETE' })}
        >
          <p>Its key no longer works, its containers end, and what ran there starts elsewhere.</p>
        </Confirm>
      )}
    </article>
  );
}

function Fact({ term, words }: { readonly term: string; readonly words: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{words}</dd>
    </div>
  );
}

export function PodState({ pod }: { readonly pod: Pod }) {
  const trouble = podTrouble(pod);
  const phase = pod.metadata.deletionTimestamp ? 'Ending' : (pod.status?.phase ?? 'Pending');
  return (
    <>
      <Badge tone={trouble ? 'bad' : phase === 'Running' || phase === 'Succeeded' ? 'good' : 'plain'}>{phase}</Badge>{' '}
      {trouble && <span class="why">{trouble}</span>}
    </>
  );
}
