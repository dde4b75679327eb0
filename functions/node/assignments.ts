import { createHash } from 'node:crypto';
import { settingsOf } from '../../core/controllers/settings.ts';
import { clusterState } from '../../core/controllers/state.ts';
import type { ClusterState } from '../../core/controllers/types.ts';
import type { Assignment, AssignmentSettings } from '../../core/node/assignment.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';

/** Pure: what a host must know, or undefined as long as the cluster has no such node. */
export type AssignmentOf = (
  state: ClusterState,
  cluster: string,
  nodeName: string,
  settings: AssignmentSettings,
) => Assignment | undefined;

export interface Assignments {
  read(host: HostPrincipal): Promise<{ readonly assignment: Assignment; readonly etag: string } | undefined>;
}

const CLUSTERS_MAX = 64;

/**
 * Assignments as of a linearizable read of the registry. A commit sends hints to many hosts, which then all ask for the same
 * revision: the state that answers are computed from is built once for it.
 */
export function assignments(keyspaces: Keyspaces, assignmentOf: AssignmentOf): Assignments {
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
      const { reportSeconds, pollSeconds } = settingsOf(state);
      const assignment = assignmentOf(state, cluster, nodeName, { reportSeconds, pollSeconds });
      return assignment && { assignment, etag: etagOf(assignment) };
    },
  };
}

/**
 * Of what the host acts on. Not of the revision, so that what doesn't concern it makes it download nothing; and not of
 * statuses, which it reported itself: each report would make the next assignment look new.
 */
function etagOf({ cluster, node, pods, configMaps, secrets, settings }: Assignment): string {
  const content = { cluster, node: wished(node), pods: pods.map(wished), configMaps, secrets, settings };
  return `"${createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 27)}"`;
}

function wished({ metadata, spec }: Node | Pod) {
  return { metadata: { ...metadata, resourceVersion: '' }, spec };
}
