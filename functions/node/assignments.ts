import { settingsOf } from '../../core/controllers/settings.ts';
import { clusterState } from '../../core/controllers/state.ts';
import type { ClusterState } from '../../core/controllers/types.ts';
import type { Assignment } from '../../core/node/assignment.ts';
import { assignmentETag, assignmentOf } from '../../core/node/assignment-of.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { DataKeys } from '../../core/secrets/data-key.ts';
import { openedSecrets } from '../../core/secrets/opened-secrets.ts';

export interface AssignmentDeps {
  readonly keyspaces: Keyspaces;
  readonly dataKeys: DataKeys;
  readonly log: Logger;
}

export interface Assignments {
  /** Undefined as long as the cluster has no such node. Without an assignment if the host has the one of `known` already. */
  read(host: HostPrincipal, known?: string): Promise<{ readonly assignment?: Assignment; readonly etag: string } | undefined>;
}

const CLUSTERS_MAX = 64;

/**
 * Assignments as of a linearizable read of the registry. A commit sends hints to many hosts, which then all ask for the same
 * revision: the state that answers are computed from is built once for it. Secrets are sealed in it; only those that the host needs are
 * decrypted, and only when it is told something new.
 */
export function assignments({ keyspaces, dataKeys, log }: AssignmentDeps): Assignments {
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
    async read({ tenant, cluster, nodeName }, known) {
      const state = await stateOf(tenant, cluster);
      const sealed = assignmentOf(state, cluster, nodeName, settingsOf(state));
      if (!sealed) return undefined;
      const etag = assignmentETag(sealed);
      if (known === etag) return { etag };
      const { opened, unreadable } = await openedSecrets(sealed.secrets, { tenant, cluster }, dataKeys);
      const assignment = { ...sealed, secrets: opened };
      if (unreadable.length === 0) return { etag, assignment };
      const names = unreadable.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
      log.error('a host is not given Secrets that can not be decrypted', { tenant, cluster, nodeName, secrets: names.join(' ') });
      // Another one: the host must get them when they can be read again.
      return { etag: etag.replace(/"$/, `-${unreadable.length}"`), assignment };
    },
  };
}
