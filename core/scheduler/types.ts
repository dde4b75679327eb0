import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';

/** Placement as a pure function, so that one algorithm can be exchanged for another and both be tested on the same input. */

export interface PlacementInput {
  readonly nodes: readonly Node[];
  /** Pods that hold room on a node: bound and not finished, terminating ones too. By spec.nodeName; others' nodes are ignored. */
  readonly bound: Iterable<Pod>;
  /** In the order in which they are to be placed. */
  readonly pending: readonly Pod[];
}

/** Why nodes were refused: reason (as kube-scheduler words it) -> how many nodes. A node counts once for each of its reasons. */
export type Refusals = ReadonlyMap<string, number>;

export type Placement =
  | { readonly pod: Pod; readonly nodeName: string }
  | { readonly pod: Pod; readonly nodeName?: undefined; readonly refusals: Refusals };

/** One placement for each pending pod, in order. Deterministic: same input, same answer, whatever the order of `nodes` and `bound`. */
export type Place = (input: PlacementInput) => readonly Placement[];
