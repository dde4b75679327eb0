import { Hono } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { PersonPrincipal } from '../../../core/ports/identity.ts';
import { requireRole } from '../../../store/accounts/sessions.ts';
import type { ApiEnv } from '../../context.ts';
import { type AccountsApiDeps, whoOf } from './deps.ts';
import { pathParam } from './path-param.ts';

/** The hosts of the organisation: who joined, with which token. What a node runs is in the cluster's own API. */
export function nodes(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.get('/nodes', async (c) => {
    const chosen = await clustersFor(c.var.principal, c.req.query('cluster'));
    const lists = await Promise.all(chosen.map(({ id }) => accounts.listHosts(c.var.principal.tenant, id)));
    return c.json({ nodes: lists.flat() });
  });

  app.delete('/nodes/:name', async (c) => {
    const { principal } = c.var;
    const name = pathParam(c, 'name');
    const cluster = await clusterOf(principal, name, c.req.query('cluster'));
    // As in the cluster's own API, where nodes are no editor's business either (kube/authorise.ts).
    requireRole(principal, 'admin', 'remove nodes');
    const revoked = await accounts.removeHost(principal.tenant, cluster, name, whoOf(c, deps));
    // Also when the host was gone: an earlier attempt may have come only half way.
    const deleted = await deps.deleteNode(principal.tenant, cluster, name);
    if (!revoked && !deleted) throw new TerraneError('not_found', `There is no node ${name}.`);
    return c.body(null, 204);
  });

  async function clustersFor(principal: PersonPrincipal, wanted: string | undefined) {
    if (!wanted) return accounts.listClusters(principal);
    return [await accounts.readCluster(principal, wanted.slice(0, 128))];
  }

  /** The named cluster, or the only one, or the only one that has such a node. */
  async function clusterOf(principal: PersonPrincipal, nodeName: string, wanted: string | undefined): Promise<string> {
    const candidates = await clustersFor(principal, wanted);
    if (candidates.length === 1) return candidates[0]!.id;
    const lists = await Promise.all(candidates.map(({ id }) => accounts.listHosts(principal.tenant, id)));
    const found = lists.flat().filter((host) => host.name === nodeName);
    if (found.length === 0) throw new TerraneError('not_found', `There is no node ${nodeName}.`);
    if (found.length === 1) return found[0]!.cluster;
    throw new TerraneError('invalid_request', `Several clusters have a node ${nodeName}: say which with ?cluster=.`);
  }

  return app;
}
