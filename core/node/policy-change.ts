import type { ClusterState } from '../controllers/types.ts';
import { equalJson } from '../resources/equal.ts';
import type { AnyResource } from '../resources/schema/kinds.ts';
import { peerOf } from './assigned-policies-of.ts';

/**
 * Whether what hosts enforce may have changed: a policy, or, as long as there is one, whom selectors find. undefined: it wasn't, or isn't
 * any more, there.
 */
export function changesPolicies(
  before: AnyResource | undefined,
  after: AnyResource | undefined,
  state: Pick<ClusterState, 'list'>,
): boolean {
  const kind = (after ?? before)?.kind;
  if (kind === 'NetworkPolicy') return !equalJson(specOf(before), specOf(after));
  if ((kind !== 'Pod' && kind !== 'Namespace') || state.list('NetworkPolicy').length === 0) return false;
  return !equalJson(partIn(before), partIn(after));
}

const specOf = (object: AnyResource | undefined) => (object?.kind === 'NetworkPolicy' ? object.spec : undefined);

function partIn(object: AnyResource | undefined): unknown {
  if (object?.kind === 'Pod') return peerOf(object);
  return object?.metadata.labels;
}
