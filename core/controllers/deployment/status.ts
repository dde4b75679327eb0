import type { Deployment } from '../../resources/schema/deployment.ts';
import type { Condition } from '../../resources/schema/meta.ts';
import { findCondition, withCondition } from '../conditions.ts';
import { parseTime, timestamp } from '../time.ts';
import { allSets, type Rollout, sum } from './rollout.ts';

type DeploymentStatus = NonNullable<Deployment['status']>;

/** More than any rollout takes: Kubernetes' way to say "no deadline". */
const NO_DEADLINE = 2_147_483_647;
const DEFAULT_DEADLINE_SECONDS = 600;

/** The status that `kubectl rollout status`, `wait` and `get` read, and when its deadline must be looked at again. */
export function statusOf(
  rollout: Rollout,
  created: string | undefined,
  now: number,
): { status: DeploymentStatus; wakeAt?: number } {
  const { deployment, current, wanted } = rollout;
  const sets = allSets(rollout);
  const available = sum(sets, (set) => set.available);
  const counts = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: positive(sum(sets, ({ active }) => active)),
    updatedReplicas: positive(current?.active ?? 0),
    readyReplicas: positive(sum(sets, ({ ready }) => ready)),
    availableReplicas: positive(available),
    unavailableReplicas: positive(Math.max(sum(sets, ({ replicas }) => replicas) - available, 0)),
  };
  const { collisionCount } = deployment.status ?? {};
  const status: DeploymentStatus = { ...counts, ...(collisionCount !== undefined && { collisionCount }) };
  const enough = available >= wanted - rollout.maxUnavailable;
  let conditions = withUpdateTime(
    deployment.status?.conditions,
    enough
      ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.')
      : condition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.'),
    now,
  );
  const progress = progressing(rollout, status, created, now);
  if (progress) conditions = withUpdateTime(conditions, progress.condition, now, progress.moved);
  status.conditions = conditions;
  return { status, ...deadlineOf(rollout, conditions, now) };
}

/** Zero counts are left out, as Kubernetes does. */
const positive = (count: number) => (count > 0 ? count : undefined);

const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => ({
  type,
  status,
  reason,
  message,
});

/** Deployments' conditions also say when they were last confirmed; `moved` confirms one whose text is the same. */
function withUpdateTime(conditions: readonly Condition[] | undefined, next: Condition, now: number, moved = false): Condition[] {
  const before = findCondition(conditions, next.type);
  const same = before?.status === next.status && before.reason === next.reason && before.message === next.message;
  const lastUpdateTime = same && !moved && before.lastUpdateTime ? before.lastUpdateTime : timestamp(now);
  return withCondition(conditions, { ...next, lastUpdateTime }, now);
}

/** The new Progressing condition, or nothing when it stays as it is. */
function progressing(
  rollout: Rollout,
  status: DeploymentStatus,
  created: string | undefined,
  now: number,
): { condition: Condition; moved?: boolean } | undefined {
  const { deployment, current } = rollout;
  const before = findCondition(deployment.status?.conditions, 'Progressing');
  const name = created ?? current?.set.metadata.name ?? deployment.metadata.name;
  if (deployment.spec.paused)
    return before?.reason === 'ProgressDeadlineExceeded'
      ? undefined
      : { condition: condition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused') };
  if (before?.reason === 'DeploymentPaused')
    return { condition: condition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed'), moved: true };
  if (created)
    return {
      condition: condition('Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set "${name}"`),
      moved: true,
    };
  if (isComplete(rollout, status)) {
    const done = condition('Progressing', 'True', 'NewReplicaSetAvailable', `ReplicaSet "${name}" has successfully progressed.`);
    // A finished rollout stays finished when a pod fails later; only a new template makes it progress again.
    return { condition: done };
  }
  if (before?.reason === 'NewReplicaSetAvailable' && status.replicas === status.updatedReplicas) return undefined;
  if (!before) return { condition: condition('Progressing', 'True', 'FoundNewReplicaSet', `Found new replica set "${name}"`) };
  if (hasMoved(deployment.status, status))
    return {
      condition: condition('Progressing', 'True', 'ReplicaSetUpdated', `ReplicaSet "${name}" is progressing.`),
      moved: true,
    };
  if (isOverdue(deployment, before, now))
    return {
      condition: condition('Progressing', 'False', 'ProgressDeadlineExceeded', `ReplicaSet "${name}" has timed out progressing.`),
    };
  return undefined;
}

export function isComplete({ wanted, current }: Rollout, status: DeploymentStatus): boolean {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  return current !== undefined && updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted;
}

function hasMoved(before: DeploymentStatus = {}, after: DeploymentStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function deadlineSeconds({ spec }: Deployment): number | undefined {
  const seconds = spec.progressDeadlineSeconds ?? DEFAULT_DEADLINE_SECONDS;
  return seconds === NO_DEADLINE ? undefined : seconds;
}

function isOverdue(deployment: Deployment, before: Condition, now: number): boolean {
  const seconds = deadlineSeconds(deployment);
  if (seconds === undefined || before.reason === 'NewReplicaSetAvailable') return false;
  if (before.reason === 'ProgressDeadlineExceeded') return true;
  return (parseTime(before.lastUpdateTime) ?? now) + seconds * 1000 <= now;
}

function deadlineOf({ deployment }: Rollout, conditions: readonly Condition[], now: number): { wakeAt?: number } {
  const seconds = deadlineSeconds(deployment);
  const progress = findCondition(conditions, 'Progressing');
  if (seconds === undefined || !progress || deployment.spec.paused) return {};
  if (progress.reason === 'NewReplicaSetAvailable' || progress.reason === 'ProgressDeadlineExceeded') return {};
  return { wakeAt: (parseTime(progress.lastUpdateTime) ?? now) + seconds * 1000 };
}
