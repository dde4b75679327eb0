import type { ClusterView, ServerInfo } from './api.ts';

/** A kubeconfig (v1 Config) for one cluster; JSON of it is one, too. `token` is an API token's secret. */
export function kubeconfigFor(info: ServerInfo, cluster: Pick<ClusterView, 'id' | 'name'>, token: string) {
  const name = `terrane-${cluster.name}`;
  // PEM is ASCII, which is all that btoa can.
  const authority = info.ca ? { 'certificate-authority-data': btoa(info.ca) } : {};
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: `${info.url}/clusters/${cluster.id}`, ...authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
}
