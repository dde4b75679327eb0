import { equalJson } from '../../resources/equal.ts';
import type { Deployment } from '../../resources/schema/deployment.ts';
import type { PodTemplate } from '../../resources/schema/pod.ts';
import type { ReplicaSet } from '../../resources/schema/replica-set.ts';
import { canonicalJson, suffix } from '../digest.ts';
import { controllerReference } from '../ownership.ts';
import type { NewResource } from '../types.ts';
import { DESIRED_REPLICAS, handedOn, MAX_REPLICAS, REVISION, REVISION_HISTORY, revisionOf } from './annotations.ts';

/** A Deployment's templates as ReplicaSets: one for each template it ever had, found again by content. */

const HASH = 'pod-template-hash';

/** The ReplicaSet made from the Deployment's present template: after a rollback that is an old one again. Oldest wins. */
export function findCurrent(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const template = withoutHash(deployment.spec.template);
  return byAge(sets).find((set) => equalJson(withoutHash(set.spec.template), template));
}

export function byAge(sets: readonly ReplicaSet[]): ReplicaSet[] {
  return [...sets].sort((a, b) => (ageKey(a) < ageKey(b) ? -1 : 1));
}

const ageKey = ({ metadata }: ReplicaSet) => `${metadata.creationTimestamp} ${metadata.name}`;

function withoutHash({ metadata, spec }: PodTemplate): PodTemplate {
  const { [HASH]: _, ...labels } = metadata?.labels ?? {};
  return { metadata: { ...metadata, labels }, spec };
}

function templateHash(deployment: Deployment): string {
  const collisions = deployment.status?.collisionCount ?? 0;
  return suffix(`${canonicalJson(withoutHash(deployment.spec.template))}#${collisions}`, 10);
}

/** A ReplicaSet's name may be as long as a Deployment's, but its hash must not be cut off. */
export function replicaSetName(deployment: Deployment): string {
  return `${deployment.metadata.name.slice(0, 242)}-${templateHash(deployment)}`;
}

export function replicaSetFor(
  deployment: Deployment,
  replicas: number,
  revision: number,
  maxReplicas: number,
): NewResource<ReplicaSet> {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = { [HASH]: templateHash(deployment) };
  const labels = { ...template.metadata?.labels, ...hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: replicaSetName(deployment),
      namespace: deployment.metadata.namespace,
      labels,
      annotations: {
        ...handedOn(deployment.metadata.annotations),
        [REVISION]: String(revision),
        [DESIRED_REPLICAS]: String(deployment.spec.replicas ?? 1),
        [MAX_REPLICAS]: String(maxReplicas),
      },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, ...hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** The highest revision so far, and one more than what the others have for the ReplicaSet that is current now. */
export function nextRevision(current: ReplicaSet | undefined, old: readonly ReplicaSet[]): number {
  const highest = old.reduce((most, { metadata }) => Math.max(most, revisionOf(metadata.annotations)), 0);
  return Math.max(highest + 1, revisionOf(current?.metadata.annotations));
}

/** The current ReplicaSet with its Deployment's revision and annotations; what it was called before goes into its history. */
export function asCurrent(set: ReplicaSet, deployment: Deployment, revision: number): ReplicaSet {
  const before = set.metadata.annotations ?? {};
  const annotations: Record<string, string> = { ...before, ...handedOn(deployment.metadata.annotations) };
  if (before[REVISION] !== String(revision)) {
    annotations[REVISION] = String(revision);
    const history = [before[REVISION_HISTORY], before[REVISION]].filter((entry) => entry).join(',');
    if (history) annotations[REVISION_HISTORY] = history;
  }
  const { minReadySeconds } = deployment.spec;
  const spec = { ...set.spec };
  if (minReadySeconds === undefined) delete spec.minReadySeconds;
  else spec.minReadySeconds = minReadySeconds;
  return { ...set, metadata: { ...set.metadata, annotations }, spec };
}

/** The set with its new size, which also records what size the whole Deployment had then. */
export function sized(set: ReplicaSet, replicas: number, wanted: number, maxReplicas: number): ReplicaSet {
  const annotations = {
    ...set.metadata.annotations,
    [DESIRED_REPLICAS]: String(wanted),
    [MAX_REPLICAS]: String(maxReplicas),
  };
  return { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas } };
}
