import { equalJson } from '../../resources/equal.ts';
import type { Deployment } from '../../resources/schema/deployment.ts';
import type { ReplicaSet } from '../../resources/schema/replica-set.ts';
import { Draft } from '../draft.ts';
import { claim } from '../ownership.ts';
import type { ClusterState, Controller } from '../types.ts';
import { REVISION, revisionOf } from './annotations.ts';
import { asCurrent, byAge, findCurrent, nextRevision, replicaSetFor, replicaSetName, sized } from './replica-sets.ts';
import { allSets, countPods, type Rollout, rolloutOf } from './rollout.ts';
import { rollingUpdate, type Sizes, sizeOfCurrent } from './rolling-update.ts';
import { scale, wasScaled } from './scale.ts';
import { isComplete, statusOf } from './status.ts';

const DEFAULT_HISTORY_LIMIT = 10;

/** Moves each Deployment's pods from one template to the next, one safe step at a time. */
export const deploymentController: Controller = {
  name: 'deployment-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    draft.forEach(state.list('Deployment'), (deployment) => reconcile(state, draft, deployment, now));
    return draft.finish();
  },
};

function reconcile(state: ClusterState, draft: Draft, deployment: Deployment, now: number): void {
  const { namespace = '', deletionTimestamp } = deployment.metadata;
  const sets = claim(state, draft, deployment, 'ReplicaSet').filter(({ metadata }) => !metadata.deletionTimestamp);
  const current = findCurrent(deployment, sets);
  const old = byAge(sets.filter((set) => set !== current));
  const count = (set: ReplicaSet) => countPods(state, set, deployment.spec.minReadySeconds ?? 0, now);
  const rollout = rolloutOf(deployment, current && count(current), old.map(count));
  const frozen = deletionTimestamp || state.get('Namespace', '', namespace)?.metadata.deletionTimestamp;
  const step = frozen ? NO_STEP : nextStep(state, rollout, nextRevision(current, old));
  if (step.collision) return bumpCollisionCount(draft, deployment);

  if (!frozen) act(draft, rollout, step);
  const { status, wakeAt } = statusOf(rollout, step.create && replicaSetName(deployment), now);
  if (!equalJson(status, deployment.status)) draft.updateStatus({ ...deployment, status });
  if (wakeAt !== undefined) draft.wakeAt(wakeAt);
  if (!frozen && (deployment.spec.paused || isComplete(rollout, status))) dropHistory(draft, rollout);
}

interface Step {
  /** The new template needs a ReplicaSet, of this size. */
  readonly create?: { readonly replicas: number };
  readonly collision?: boolean;
  readonly revision?: number;
  readonly sizes: Sizes;
}
const NO_STEP: Step = { sizes: new Map() };

function nextStep(state: ClusterState, rollout: Rollout, revision: number): Step {
  const { deployment, current } = rollout;
  if (deployment.spec.paused || wasScaled(rollout)) return { revision: current && revision, sizes: scale(rollout) };
  if (deployment.spec.strategy?.type === 'Recreate') {
    const running = rollout.old.filter(({ replicas, alive }) => replicas > 0 || alive > 0);
    if (running.length > 0)
      return { revision: current && revision, sizes: new Map(running.map(({ set }) => [set.metadata.uid, 0])) };
    if (current) return { revision, sizes: new Map([[current.set.metadata.uid, rollout.wanted]]) };
  }
  if (current) return { revision, sizes: rollingUpdate(rollout) };
  const { namespace = '' } = deployment.metadata;
  if (state.get('ReplicaSet', namespace, replicaSetName(deployment))) return { collision: true, sizes: new Map() };
  // A Recreate has nothing old left here, so that sizeOfCurrent gives it all at once.
  return { create: { replicas: sizeOfCurrent(rollout, { replicas: 0 }) }, revision, sizes: new Map() };
}

function act(draft: Draft, rollout: Rollout, step: Step): void {
  const { deployment, current, wanted, maxSurge } = rollout;
  const maxReplicas = wanted + maxSurge;
  if (step.create) {
    const set = replicaSetFor(deployment, step.create.replicas, step.revision!, maxReplicas);
    draft.create(set);
    if (step.create.replicas > 0)
      draft.because(
        deployment,
        'Normal',
        'ScalingReplicaSet',
        `Scaled up replica set ${set.metadata.name} from 0 to ${step.create.replicas}`,
      );
  }
  for (const { set, replicas } of allSets(rollout)) {
    const size = step.sizes.get(set.metadata.uid) ?? replicas;
    let next = set === current?.set && step.revision !== undefined ? asCurrent(set, deployment, step.revision) : set;
    // Sets that keep their size in a scaled Deployment must know its new size too, or it would look unscaled forever.
    if (size !== replicas || replicas > 0) next = sized(next, size, wanted, maxReplicas);
    if (!equalJson(next, set)) draft.update(next);
    if (size !== replicas) {
      const direction = size > replicas ? 'up' : 'down';
      const message = `Scaled ${direction} replica set ${set.metadata.name} from ${replicas} to ${size}`;
      draft.because(deployment, 'Normal', 'ScalingReplicaSet', message);
    }
  }
  if (step.revision !== undefined && deployment.metadata.annotations?.[REVISION] !== String(step.revision)) {
    const annotations = { ...deployment.metadata.annotations, [REVISION]: String(step.revision) };
    draft.update({ ...deployment, metadata: { ...deployment.metadata, annotations } });
  }
}

/** Another template has the same hash, or someone else the name: the count goes into the hash and makes it another. */
function bumpCollisionCount(draft: Draft, deployment: Deployment): void {
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  draft.updateStatus({ ...deployment, status: { ...deployment.status, collisionCount } });
}

/** Old ReplicaSets are kept for rollbacks, up to the limit; those of the oldest revisions go first. */
function dropHistory(draft: Draft, { deployment, old }: Rollout): void {
  const empty = old.filter(({ replicas, alive }) => replicas === 0 && alive === 0);
  const excess = empty.length - (deployment.spec.revisionHistoryLimit ?? DEFAULT_HISTORY_LIMIT);
  if (excess <= 0) return;
  const oldestFirst = [...empty].sort((a, b) => revisionOf(a.set.metadata.annotations) - revisionOf(b.set.metadata.annotations));
  for (const { set } of oldestFirst.slice(0, excess)) draft.delete(set);
}
