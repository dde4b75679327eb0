import { DESIRED_REPLICAS } from './annotations.ts';
import type { Sizes } from './rolling-update.ts';
import { allSets, type CountedSet, type Rollout, sum } from './rollout.ts';

/** Scaling a Deployment that is paused or in the middle of a rollout: each ReplicaSet keeps its share. */

/** True if spec.replicas changed since the ReplicaSets got their sizes. */
export function wasScaled(rollout: Rollout): boolean {
  return allSets(rollout).some(
    ({ set, replicas }) =>
      replicas > 0 &&
      set.metadata.annotations?.[DESIRED_REPLICAS] !== undefined &&
      set.metadata.annotations[DESIRED_REPLICAS] !== String(rollout.wanted),
  );
}

export function scale(rollout: Rollout): Sizes {
  const { current, old, wanted } = rollout;
  const active = allSets(rollout).filter(({ replicas }) => replicas > 0);
  const only = active.length > 1 ? undefined : (active[0] ?? current ?? old.at(-1));
  if (only) return new Map([[only.set.metadata.uid, wanted]]);
  if (current && current.replicas === wanted && current.available === wanted)
    return new Map(old.filter(({ replicas }) => replicas > 0).map(({ set }) => [set.metadata.uid, 0]));
  return rollout.deployment.spec.strategy?.type === 'Recreate' ? new Map() : inProportion(rollout, active);
}

/** Largest remainders get what rounding leaves; ties go to the newest when growing, to the oldest when shrinking. */
function inProportion({ wanted, maxSurge }: Rollout, active: readonly CountedSet[]): Sizes {
  const total = sum(active, ({ replicas }) => replicas);
  const change = (wanted > 0 ? wanted + maxSurge : 0) - total;
  const order = change > 0 ? [...active].reverse() : active;
  const shares = order.map((counted) => {
    const exact = (counted.replicas * change) / total;
    return { counted, share: Math.trunc(exact), rest: Math.abs(exact - Math.trunc(exact)) };
  });
  let left = change - shares.reduce((given, { share }) => given + share, 0);
  for (const entry of [...shares].sort((a, b) => b.rest - a.rest)) {
    if (left === 0) break;
    entry.share += Math.sign(left);
    left -= Math.sign(left);
  }
  return new Map(shares.map(({ counted, share }) => [counted.set.metadata.uid, Math.max(0, counted.replicas + share)]));
}
