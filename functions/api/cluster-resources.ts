import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import { decodeResource, prefixEnd } from '../../core/resources/codec.ts';

const REGISTRY = '/registry/';

/** All resources of a cluster, as they are kept. */
export function clusterResources(keyspaces: Keyspaces): (tenant: string, cluster: string) => AsyncGenerator<unknown> {
  return async function* resources(tenant, cluster) {
    const view = await (await keyspaces.open(tenant, cluster, 'registry')).sync();
    for (const kv of view.range(REGISTRY, prefixEnd(REGISTRY))) yield decodeResource(kv);
  };
}
