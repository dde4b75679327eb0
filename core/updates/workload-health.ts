import type { ReadView } from '../keyspace/types.ts';
import type { Deployment } from '../resources/schema/deployment.ts';
import { listResources } from '../resources/write.ts';

/** The first Deployment that has fewer available pods than it wants, as a sentence; undefined: all are well. */
export function unhealthyWorkload(view: ReadView): string | undefined {
  return unhealthyDeployment(listResources(view, 'Deployment'));
}

export function unhealthyDeployment(deployments: readonly Deployment[]): string | undefined {
  for (const { metadata, spec, status } of deployments) {
    const wanted = spec.replicas ?? 1;
    const available = status?.availableReplicas ?? 0;
    if (available < wanted)
      return `Deployment ${metadata.namespace}/${metadata.name} has ${available} of ${wanted} pods available`;
  }
  return undefined;
}

/** How many pods Deployments miss, all together. */
export function unreadyPods(deployments: readonly Deployment[]): number {
  return deployments.reduce(
    (sum, { spec, status }) => sum + Math.max(0, (spec.replicas ?? 1) - (status?.availableReplicas ?? 0)),
    0,
  );
}
