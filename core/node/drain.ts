import type { Node } from '../resources/schema/node.ts';

/**
 * On a node that a person empties (`terrane node drain`): its units leave, for as long as it is cordoned. An annotation, because a NoExecute taint would
 * drive pods away past their budgets, and a cordon alone moves nothing.
 */
export const DRAIN_ANNOTATION = 'terrane.dev/drain';

export function isDrained({ metadata, spec }: Node): boolean {
  return spec?.unschedulable === true && metadata.annotations?.[DRAIN_ANNOTATION] !== undefined;
}

/** Type of the condition that a unit has while its host is emptied without it: it could run nowhere else. */
export const STAYS_CONDITION = 'StaysOnHost';
/** Type of the condition that a unit has while it takes long to leave a host: it may hold up a drain, or that host's reboot. */
export const SLOW_CONDITION = 'SlowToStop';
