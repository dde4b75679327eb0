import { UNREACHABLE } from '../../node/fencing.ts';
import type { Node, Taint } from '../../resources/schema/node.ts';
import { timestamp } from '../time.ts';

export { UNREACHABLE } from '../../node/fencing.ts';

/** Taints that say what is wrong with a node. https://kubernetes.io/docs/reference/labels-annotations-taints/ */
export const NOT_READY = 'node.kubernetes.io/not-ready';

export const isOurs = ({ key, effect }: Taint) => effect === 'NoExecute' && (key === NOT_READY || key === UNREACHABLE);

/** The taints that a node should have, given its Ready condition; undefined if it has them. */
export function missingTaints(node: Node, ready: 'True' | 'False' | 'Unknown' | undefined, now: number): Taint[] | undefined {
  const taints = node.spec?.taints ?? [];
  const wanted = ready === 'Unknown' ? UNREACHABLE : ready === 'False' ? NOT_READY : undefined;
  const kept = taints.filter((taint) => !isOurs(taint) || taint.key === wanted);
  const next = wanted && !kept.some(isOurs) ? [...kept, { key: wanted, effect: 'NoExecute' as const }] : kept;
  // People's own NoExecute taints come without a time; tolerationSeconds needs one.
  const timed = next.map((taint) =>
    taint.effect === 'NoExecute' && !taint.timeAdded ? { ...taint, timeAdded: timestamp(now) } : taint,
  );
  const same = timed.length === taints.length && timed.every((taint, index) => taint === taints[index]);
  return same ? undefined : timed;
}
