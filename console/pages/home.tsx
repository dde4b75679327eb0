import type { ClusterView } from '../../core/accounts/api.ts';
import { Cli } from '../components/copy.tsx';
import { Page } from '../components/page.tsx';
import { Empty, Loading, Problem } from '../components/states.tsx';
import { When } from '../components/when.tsx';
import { plural } from '../format.ts';
import { useMay, useMe } from '../state/session.tsx';
import { useLoad } from '../state/use-load.ts';

export function HomePage() {
  const { organisation } = useMe();
  const { data, problem, reload } = useLoad<{ clusters: readonly ClusterView[] }>('/v1/clusters');
  const mayCreate = useMay('admin');
  const create = mayCreate && (
    <a class="button primary" href="/new-cluster">
      Create a cluster
    </a>
  );
  return (
    <Page title="Clusters" beside={data && data.clusters.length > 0 && create}>
      <Problem problem={problem} retry={reload} />
      {!data && !problem && <Loading what="your clusters" />}
      {data?.clusters.length === 0 && (
        <Empty>
          <h2>Three steps to something that runs</h2>
          <ol>
            <li>Create a cluster: a name, nothing more. It costs nothing while it is idle.</li>
            <li>Run one command on any Linux host, and watch it arrive.</li>
            <li>Apply your manifests with kubectl, or with terrane.</li>
          </ol>
          {create || <p>An owner or admin of {organisation.name} can create one.</p>}
        </Empty>
      )}
      {data && data.clusters.length > 0 && (
        <ul class="cards">
          {data.clusters.map(({ id, name, nodes, createdAt }) => (
            <li key={id}>
              <a class="card" href={`/cluster/${id}`}>
                <strong>{name}</strong>
                <span>{plural(nodes, 'node')}</span>
                <span class="quiet">
                  created <When at={createdAt} />
                </span>
              </a>
            </li>
          ))}
        </ul>
      )}
      <p class="quiet">
        {organisation.name}: {organisation.nodes.used} of {plural(organisation.nodes.limit, 'node')} in the plan{' '}
        {organisation.plan}.
      </p>
      <Cli>{['terrane cluster list', 'terrane cluster create NAME']}</Cli>
    </Page>
  );
}
