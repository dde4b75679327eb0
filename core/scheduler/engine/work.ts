import type { Taint } from '../../resources/schema/node.ts';
import type { Toleration } from '../../resources/schema/pod.ts';
import type { HostPort } from '../host-ports.ts';
import type { Amounts } from '../requests.ts';

/**
 * What the placement engine is told: nodes, and classes of work. Nothing here knows of pods or units: both are translated into it.
 * Work that is equal in everything below is one class, and is placed as one run.
 */

export interface SchedulingNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Why it takes nothing new at all, in the words of a refusal; undefined if it does. */
  readonly closed?: string;
  /** What there is for work: `pods` is how many, the rest as in requests.ts. */
  readonly room: Amounts;
}

/** Which nodes are meant. It says what it looks at, so that nodes that are equal in that are looked at once. */
export interface NodeFilter {
  readonly labels: readonly string[];
  readonly readsName: boolean;
  accepts(node: SchedulingNode): boolean;
}

/** A set of work, counted by domains of a topology. Terms with the same key and topology are the same. */
export interface Term {
  readonly key: string;
  /** The node label whose values are the domains; HOST = each node is its own. */
  readonly topologyKey: string;
  matches(work: Work): boolean;
  /** Only work with this label, or of this owner, can match: saves looking at all the other. */
  readonly label?: { readonly key: string; readonly value: string };
  readonly owner?: string;
}

export const HOST = '';

export interface Spread {
  readonly term: Term;
  readonly maxSkew: number;
  /** false: as well as it goes. */
  readonly required: boolean;
  /** With fewer eligible domains than this the emptiest one is taken to be empty. */
  readonly minDomains: number;
  /** Count only domains of nodes that the work's filter accepts (default), whose taints it tolerates (not by default). */
  readonly honourFilter: boolean;
  readonly honourTaints: boolean;
}

export interface Work {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Whoever keeps so many of it. */
  readonly owner?: string;
  /** It is about to go. */
  readonly ending?: boolean;
  readonly requests: Amounts;
  readonly ports: readonly HostPort[];
  readonly tolerations: readonly Toleration[];
  readonly filter?: NodeFilter;
  readonly preferences: readonly { readonly weight: number; readonly filter: NodeFilter }[];
  /** Only where work of each of these is. Whoever is all of it itself may start anywhere while there is none. */
  readonly needs: readonly Term[];
  /** Never where such work is, and it never where this is. */
  readonly avoids: readonly Term[];
  /** Takes the place of such work, which must move. */
  readonly replaces: readonly Term[];
  /** Rather where such work is; weight below 0: rather not. */
  readonly likes: readonly { readonly weight: number; readonly term: Term }[];
  readonly spread: readonly Spread[];
  readonly priority: number;
  /** May take the place of less important work. */
  readonly preempts: boolean;
  /** Belongs on every node: a node with nothing else counts as empty. */
  readonly global?: boolean;
  /** Several pieces that go to one node together. Requests and ports above are their sum; terms look at each piece. */
  readonly parts?: readonly Work[];
}

/** `pack` fills nodes one after the other, `spread` takes the emptiest one. */
export type Strategy = 'pack' | 'spread';
