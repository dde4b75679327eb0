/** Annotations on Deployments and their ReplicaSets that kubectl reads (`rollout history`, `rollout undo`, `describe`). */
export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

/** What says something of the Deployment itself and isn't handed on to its ReplicaSets. */
const OWN = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

export function handedOn(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !OWN.has(key)));
}

/** 0 = has none yet. */
export function revisionOf(annotations: Readonly<Record<string, string>> | undefined): number {
  const revision = Number(annotations?.[REVISION] ?? 0);
  return Number.isSafeInteger(revision) ? revision : 0;
}
