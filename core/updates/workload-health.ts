import type { ReadView } from '../keyspace/types.ts';
import { listResources } from '../resources/write.ts';

/** The first Deployment that has fewer available pods than it wants, as a sentence; undefined: all are well. */
export function unhealthyWorkload(view: ReadView): string | undefined {
  for (const { metadata, spec, status } of listResources(view, 'Deployment')) {
    const wanted = spec.replicas ?? 1;
    const available = status?.availableReplicas ?? 0;
    if (available < wanted)
      return `Deployment ${metadata.namespace}/${metadata.name} has ${available} of ${wanted} pods available`;
  }
  return undefined;
}
