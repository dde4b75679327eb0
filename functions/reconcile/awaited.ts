import { findCondition } from '../../core/controllers/conditions.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import { markOf } from '../../core/updates/reboot-mark.ts';

/** Given up as silent, or expected back from a reboot: any report of it is news, whatever it says. */
export function isAwaited(node: Node): boolean {
  return findCondition(node.status?.conditions, 'Ready')?.status === 'Unknown' || markOf(node)?.state === 'returning';
}
