import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso';
import type { ClusterView } from '../../core/accounts/api.ts';
import { useLoad } from '../state/use-load.ts';
import { Page } from './page.tsx';
import { Loading, Problem } from './states.tsx';

interface ClusterFrameProps {
  readonly id: string;
  readonly children: (cluster: ClusterView) => ComponentChildren;
}

/** What the pages of one cluster have in common: its name, and the way from one to the other. */
export function ClusterFrame({ id, children }: ClusterFrameProps) {
  const { path } = useLocation();
  const { data: cluster, problem, reload } = useLoad<ClusterView>(`/v1/clusters/${encodeURIComponent(id)}`);
  const base = `/cluster/${id}`;
  const tabs = [
    [base, 'Overview'],
    [`${base}/nodes`, 'Nodes'],
    [`${base}/workloads`, 'Workloads'],
    [`${base}/updates`, 'Updates'],
  ] as const;
  // A unit is one of the workloads.
  const here = path.startsWith(`${base}/units/`) ? `${base}/workloads` : path;
  return (
    <Page title={cluster?.name ?? 'Cluster'}>
      <nav class="tabs" aria-label="Cluster">
        {tabs.map(([link, words]) => (
          <a key={link} href={link} aria-current={here === link ? 'page' : undefined}>
            {words}
          </a>
        ))}
      </nav>
      <Problem problem={problem} retry={reload} />
      {!cluster && !problem && <Loading what="the cluster" />}
      {cluster && children(cluster)}
    </Page>
  );
}
