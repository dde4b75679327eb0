import type { Condition } from '../resources/schema/meta.ts';
import { timestamp } from './time.ts';

/** Lists of conditions, one of each type. None of these functions changes its arguments. */

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * `conditions` with `next` in place of the one of its type. lastTransitionTime moves only when the status does, so that
 * saying the same again changes nothing.
 */
export function withCondition(conditions: readonly Condition[] | undefined, next: Condition, now: number): Condition[] {
  const before = findCondition(conditions, next.type);
  const lastTransitionTime =
    before?.status === next.status && before.lastTransitionTime ? before.lastTransitionTime : timestamp(now);
  const merged = { ...next, lastTransitionTime };
  return before
    ? (conditions ?? []).map((condition) => (condition.type === next.type ? merged : condition))
    : [...(conditions ?? []), merged];
}

/** The same list, if it has none of that type. */
export function withoutCondition(conditions: Condition[] | undefined, type: string): Condition[] | undefined {
  return findCondition(conditions, type) ? conditions?.filter((condition) => condition.type !== type) : conditions;
}
