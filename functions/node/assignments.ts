import { settingsOf } from '../../core/controllers/settings.ts';
import { clusterState } from '../../core/controllers/state.ts';
import type { ClusterState } from '../../core/controllers/types.ts';
import type { Assignment } from '../../core/node/assignment.ts';
import { assignmentETag, assignmentOf } from '../../core/node/assignment-of.ts';
import type { PullCredentials } from '../../core/images/credentials-for.ts';
import { withCauses } from '../../core/logging/with-causes.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { ImageRegistry } from '../../core/ports/image-registry.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { DataKeys } from '../../core/secrets/data-key.ts';
import { openedSecrets } from '../../core/secrets/opened-secrets.ts';
import { credentialEpoch, pullCredentials, pullsFrom } from './pull-credentials.ts';

export interface AssignmentDeps {
  readonly keyspaces: Keyspaces;
  readonly dataKeys: DataKeys;
  readonly clock: Clock;
  readonly log: Logger;
  readonly images?: Pick<ImageRegistry, 'prefix' | 'credentials'>;
}

export interface Assignments {
  /** Undefined as long as the cluster has no such node. Without an assignment if the host has the one of `known` already. */
  read(host: HostPrincipal, known?: string): Promise<Read | undefined>;
}

interface Read {
  readonly assignment?: Assignment;
  readonly etag: string;
  /** As of this one it holds. */
  readonly revision: number;
}

const CLUSTERS_MAX = 64;

/**
 * Assignments as of a linearizable read of the registry. A commit sends hints to many hosts, which then all ask for the same
 * revision: the state that answers are computed from is built once for it. Secrets are sealed in it; only those that the host needs are
 * decrypted, and only when it is told something new.
 */
export function assignments({ keyspaces, dataKeys, images, clock, log }: AssignmentDeps): Assignments {
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
      const { revision } = sealed;
      const pulls = images && pullsFrom(sealed.pods, images.prefix(tenant));
      const base = assignmentETag(sealed);
      const etag = pulls ? marked(base, `r${credentialEpoch(nodeName, clock.now())}`) : base;
      if (known === etag) return { etag, revision };

      const { opened, unreadable } = await openedSecrets(sealed.secrets, { tenant, cluster }, dataKeys);
      const assignment = { ...sealed, secrets: opened };
      const missing: string[] = unreadable.map(({ metadata }) => `secret ${metadata.namespace}/${metadata.name}`);
      let registries: readonly PullCredentials[] | undefined;
      if (pulls) {
        registries = await pullCredentials(images, tenant).catch((error: unknown) => {
          missing.push(`image credentials: ${withCauses(error)}`);
          return undefined;
        });
      }
      const complete = registries ? { ...assignment, registries } : assignment;
      if (missing.length === 0) return { etag, revision, assignment: complete };
      log.error('a host is not given all that it needs', { tenant, cluster, nodeName, missing: missing.join(', ') });
      // Another one: the host must get the rest when it can be had.
      return { etag: marked(base, `without${missing.length}`), revision, assignment: complete };
    },
  };
}

function marked(etag: string, mark: string): string {
  return etag.replace(/"$/, `-${mark}"`);
}
