import { allSets, type CountedSet, type Rollout, sum } from './rollout.ts';

/** New sizes, by the uid of the ReplicaSet. What isn't in it stays as it is. */
export type Sizes = ReadonlyMap<string, number>;

/**
 * The next step of a rolling update: grow the new ReplicaSet as far as maxSurge lets it, else shrink the old ones as far as
 * maxUnavailable lets them, what is broken first.
 */
export function rollingUpdate(rollout: Rollout): Sizes {
  const { current, wanted } = rollout;
  if (!current) return new Map();
  const grown = sizeOfCurrent(rollout, current);
  if (grown !== current.replicas) return new Map([[current.set.metadata.uid, grown]]);
  return shrinkOld(rollout, current, wanted - rollout.maxUnavailable);
}

/** How large the new ReplicaSet may be now. Also its first size, when it is created. */
export function sizeOfCurrent(rollout: Rollout, current: Pick<CountedSet, 'replicas'>): number {
  const { wanted, maxSurge } = rollout;
  if (current.replicas >= wanted) return wanted;
  // What a ReplicaSet was told and what it has may differ for a moment; the larger one is what could be running.
  const total = sum(allSets(rollout), (set) => Math.max(set.replicas, set.active));
  const room = wanted + maxSurge - total;
  return current.replicas + Math.max(0, Math.min(room, wanted - current.replicas));
}

function shrinkOld(rollout: Rollout, current: CountedSet, minAvailable: number): Sizes {
  const sizes = new Map<string, number>();
  const old = rollout.old.filter(({ replicas }) => replicas > 0);
  const total = sum(old, ({ replicas }) => replicas) + current.replicas;
  // Pods of the new ReplicaSet that aren't available yet may still become so: they are not counted on, nor against it.
  let removable = total - minAvailable - (current.replicas - current.available);
  if (removable <= 0) return sizes;
  for (const { set, replicas, available } of old) {
    const broken = Math.min(Math.max(0, replicas - available), removable);
    if (broken > 0) sizes.set(set.metadata.uid, replicas - broken);
    removable -= broken;
  }
  let spare = sum(old, ({ available }) => available) + current.available - minAvailable;
  for (const { set, replicas } of old) {
    const size = sizes.get(set.metadata.uid) ?? replicas;
    const less = Math.min(size, Math.max(0, spare));
    if (less > 0) sizes.set(set.metadata.uid, size - less);
    spare -= less;
  }
  return sizes;
}
