import { settingsOf } from '../../core/controllers/settings.ts';
import { clusterState } from '../../core/controllers/state.ts';
import type { ClusterState } from '../../core/controllers/types.ts';
import type { Assignment } from '../../core/node/assignment.ts';
import { assignmentETag, assignmentOf } from '../../core/node/assignment-of.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';

export interface Assignments {
  /** Undefined as long as the cluster has no such node. */
  read(host: HostPrincipal): Promise<{ readonly assignment: Assignment; readonly etag: string } | undefined>;
}

const CLUSTERS_MAX = 64;

/**
 * Assignments as of a linearizable read of the registry. A commit sends hints to many hosts, which then all ask for the same
 * revision: the state that answers are computed from is built once for it.
 */
export function assignments(keyspaces: Keyspaces): Assignments {
  const states = new Map<string, ClusterState>();

  async function stateOf(tenant: string, cluster: string): Promise<ClusterState> {
    const registry = await keyspaces.open(tenant, cluster, 'registry');
    const view = await registry.sync();
    const key = `${tenant} ${cluster}`;
    const known = states.get(key);
    if (known?.revision === view.revision) return known;
    const state = clusterState(view);
    states.delete(key);
    states.set(key, state);
    if (states.size > CLUSTERS_MAX) states.delete(states.keys().next().value!);
    return state;
  }

  return {
    async read({ tenant, cluster, nodeName }) {
      const state = await stateOf(tenant, cluster);
      const assignment = assignmentOf(state, cluster, nodeName, settingsOf(state));
      return assignment && { assignment, etag: assignmentETag(assignment) };
    },
  };
}
