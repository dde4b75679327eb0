import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { Strategy } from './engine/work.ts';

/** Placement as a pure function, so that one algorithm can be exchanged for another and both be tested on the same input. */

export interface PlacementInput {
  readonly nodes: readonly Node[];
  /** Pods that hold room on a node: bound and not finished, terminating ones too. By spec.nodeName; others' nodes are ignored. */
  readonly bound: Iterable<Pod>;
  /** In the order of their age: of equal ones the first is placed first. */
  readonly pending: readonly Pod[];
  /** Labels of namespaces, for affinity terms that select namespaces. */
  readonly namespaces?: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** What keeps pods from being pushed aside. */
  readonly budgets?: readonly Budget[];
  /** Default: spread. */
  readonly strategy?: Strategy;
  /** ms since the epoch. What should have ended long ago is waited for no longer; without it for ever. */
  readonly now?: number;
}

/** A disruption budget: how many of the pods that it covers may still be made to go. */
export interface Budget {
  readonly covers: (pod: Pod) => boolean;
  readonly allowed: number;
}

/** Why nodes were refused: reason (as kube-scheduler words it) -> how many nodes. A node counts once for each of its reasons. */
export type Refusals = ReadonlyMap<string, number>;

export type Placement =
  | { readonly pod: Pod; readonly nodeName: string }
  | {
      readonly pod: Pod;
      readonly nodeName?: undefined;
      readonly refusals: Refusals;
      /** The node that is kept for it until `victims`, and those that are ending there already, are gone. */
      readonly nominated?: { readonly nodeName: string; readonly victims: readonly Pod[] };
    };

/** One placement for each pending pod, in order. Deterministic: same input, same answer, whatever the order of `nodes` and `bound`. */
export type Place = (input: PlacementInput) => readonly Placement[];
