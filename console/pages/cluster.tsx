import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import type { ClusterView, ServerInfo, TokenView } from '../../core/accounts/api.ts';
import { kubeconfigFor } from '../../core/accounts/kubeconfig.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import { summarise } from '../../core/status/summarise.ts';
import { ask } from '../api/http.ts';
import { Live } from '../components/badge.tsx';
import { ClusterFrame } from '../components/cluster-frame.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Cli } from '../components/copy.tsx';
import { Choice, Form, type Values } from '../components/form.tsx';
import { JoinHost } from '../components/join-host.tsx';
import { NodeState } from '../components/node-row.tsx';
import { Done, Loading, Problem } from '../components/states.tsx';
import { When } from '../components/when.tsx';
import { useMay } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { useWatch } from '../state/use-watch.ts';

export function ClusterPage({ id }: { readonly id: string }) {
  return <ClusterFrame id={id}>{(cluster) => <Overview cluster={cluster} />}</ClusterFrame>;
}

function Overview({ cluster }: { readonly cluster: ClusterView }) {
  const mayAdmin = useMay('admin');
  const [awaited, setAwaited] = useState<number>();
  return (
    <>
      {mayAdmin && (
        <section aria-labelledby="join">
          <h2 id="join">Join a host</h2>
          <JoinHost cluster={cluster} made={() => setAwaited(Date.now())} />
        </section>
      )}
      <Hosts cluster={cluster} awaited={awaited} />
      <Kubeconfig cluster={cluster} />
      {mayAdmin && <Deletion cluster={cluster} />}
    </>
  );
}

/** The hosts as they arrive: nothing is asked again and again, the server tells. */
function Hosts({ cluster, awaited }: { readonly cluster: ClusterView; readonly awaited: number | undefined }) {
  const { items: nodes, live, problem } = useWatch<Node>(`/clusters/${cluster.id}/api/v1/nodes`);
  if (!nodes) return problem ? <Problem problem={problem} /> : <Loading what="the hosts" />;
  const { nodes: summaries } = summarise({ nodes, deployments: [], pods: [], warnings: [] }, Date.now());
  const isNew = ({ metadata }: Node) => awaited !== undefined && Date.parse(metadata.creationTimestamp) >= awaited - CLOCKS_MS;
  const arrived = nodes.filter(isNew);
  return (
    <section aria-labelledby="hosts">
      <div class="page-head">
        <h2 id="hosts">Hosts</h2>
        <Live live={live} />
      </div>
      <Problem problem={problem} />
      <div role="status">
        {awaited !== undefined && arrived.length === 0 && (
          <p class="waiting">Waiting for the host: it shows up here by itself.</p>
        )}
        {arrived.map(({ metadata }) => (
          <Done key={metadata.name}>
            <strong>{metadata.name}</strong> has joined <When at={metadata.creationTimestamp} />.
          </Done>
        ))}
        {awaited === undefined && nodes.length === 0 && <p class="quiet">None yet. Make a join command and run it on a host.</p>}
      </div>
      <ul class="lines">
        {summaries.map((summary) => (
          <li key={summary.name}>
            <a href={`/cluster/${cluster.id}/nodes`}>{summary.name}</a> <NodeState summary={summary} />
            {summary.why && summary.state !== 'Ready' && <span class="quiet">{summary.why}</span>}
          </li>
        ))}
      </ul>
      <Cli>{`terrane node list --cluster ${cluster.name}`}</Cli>
    </section>
  );
}

/** How far the clocks of browser and server may be apart for a host to count as new. */
const CLOCKS_MS = 60_000;

function Kubeconfig({ cluster }: { readonly cluster: ClusterView }) {
  const [made, setMade] = useState<TokenView>();
  const download = useAction(async ({ expiresIn }: Values) => {
    const info = await ask<ServerInfo>('/v1/info');
    const body = { kind: 'api', cluster: cluster.id, expiresIn: Number(expiresIn) };
    const token = await ask<TokenView & { secret: string }>('/v1/tokens', { method: 'POST', body });
    const text = JSON.stringify(kubeconfigFor(info, cluster, token.secret), null, 2);
    save(`kubeconfig-${cluster.name}`, text);
    setMade(token);
  });
  return (
    <section aria-labelledby="kubeconfig">
      <h2 id="kubeconfig">kubectl</h2>
      <p>The file has an API token for this cluster with your role. Keep it as you keep a password.</p>
      {made && (
        <Done>
          Downloaded. Its token {made.id} expires <When at={made.expiresAt} />; <a href="/tokens">revoke it</a> at any time.
        </Done>
      )}
      <Form action={download} submit="Download a kubeconfig">
        <Choice
          name="expiresIn"
          label="Good for"
          options={[
            ['86400', 'a day'],
            ['2592000', '30 days'],
            ['7776000', '90 days'],
          ]}
          initial="2592000"
        />
      </Form>
      <Cli>{[`terrane kubeconfig --cluster ${cluster.name} --out kubeconfig`, 'kubectl --kubeconfig kubeconfig get nodes']}</Cli>
    </section>
  );
}

/** Gives the browser a file that was made here. */
function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.target = '_top';
  document.body.append(link);
  link.click();
  link.remove();
  // The download has begun when this turn is over, but browsers differ in when they read.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function Deletion({ cluster }: { readonly cluster: ClusterView }) {
  const { route } = useLocation();
  return (
    <section aria-labelledby="deletion">
      <h2 id="deletion">Delete the cluster</h2>
      <p>Only a cluster without nodes can be deleted. Everything that was applied to it goes with it.</p>
      <Confirm
        verb="Delete the cluster"
        title={`Delete ${cluster.name}?`}
        act={async () => {
          await ask(`/v1/clusters/${cluster.id}`, { method: 'DELETE' });
          route('/', true);
        }}
      >
        <p>This can't be undone.</p>
      </Confirm>
      <Cli>{`terrane cluster delete ${cluster.name}`}</Cli>
    </section>
  );
}
