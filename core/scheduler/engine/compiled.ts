import type { NodeClasses } from './node-classes.ts';
import type { Scale } from './levels.ts';
import type { Tally } from './tally.ts';
import type { Work } from './work.ts';

/** Work and nodes as numbers: what compile.ts makes, and what placing looks at. */

/** Resources, in this order; others follow. */
export const CPU = 0;
export const MEMORY = 1;
export const PODS = 2;

export interface Model {
  readonly classes: NodeClasses;
  readonly resources: readonly string[];
  /** Node-major: what each node has of each resource. */
  readonly room: Float64Array;
  readonly cpu: Scale;
  readonly memory: Scale;
  readonly works: readonly CompiledWork[];
}

export interface Added {
  readonly tally: Tally;
  readonly amount: number;
}

export interface Forbidden {
  readonly tally: Tally;
  readonly reason: string;
}

export interface Needed {
  readonly tally: Tally;
  /** All that such work needs, if it meets all of it by itself: as long as there is none of that, the first one may start anywhere. */
  readonly own: readonly Tally[] | undefined;
}

export interface CompiledSpread {
  readonly tally: Tally;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** By how much a placement adds to its own count. */
  readonly self: number;
  /** Domains that count. */
  readonly domains: Int32Array;
  /** The emptiest of them when that was last looked up, how much was there, and the tally's removals then: see keepsEven. */
  leastDomain: number;
  least: number;
  removals: number;
}

/** What makes a place worse: `weight` times the count in its domain, or (`once`) `weight` if there is any. */
export interface Penalty {
  readonly tally: Tally;
  readonly weight: number;
  readonly once: boolean;
}

export interface CompiledWork {
  readonly work: Work;
  readonly cpu: number;
  readonly memory: number;
  /** Resources beyond zero, and how much of each. */
  readonly resources: Int32Array;
  readonly amounts: Float64Array;
  /** Node classes that would have it, the most preferred first. */
  readonly classes: Int32Array;
  /** How much each of them is preferred. */
  readonly preference: Float64Array;
  /** Node class -> 1 if it would have it. */
  readonly accepts: Uint8Array;
  /** Why a class would not, by node class. */
  readonly refusals: readonly (string | undefined)[];
  /** Node -> 1, where the filter has to be asked node by node. */
  readonly mask: Uint8Array | undefined;
  readonly adds: readonly Added[];
  readonly forbidsHere: readonly Forbidden[];
  readonly forbidsWide: readonly Forbidden[];
  readonly needsHere: readonly Needed[];
  readonly needsWide: readonly Needed[];
  readonly spreadHere: readonly CompiledSpread[];
  readonly spreadWide: readonly CompiledSpread[];
  readonly penaltiesHere: readonly Penalty[];
  readonly penaltiesWide: readonly Penalty[];
  /** Node -> penalty, where a preference looks at what differs within a node class. */
  readonly leaning: Float64Array | undefined;
  /** The best that penalties of one node can add up to: 0 or less. */
  readonly leastPenalty: number;
  /** At most one fits a node, whatever its room. */
  readonly alone: boolean;
  /** What it heeds on a node is counted in domains that reach over several classes of nodes: a placement in one may close a node of another. */
  readonly crosses: boolean;
  /** Looks at nothing that changes but room: what fits once fits until the room is gone. */
  readonly plain: boolean;
  /** A place that was refused may be free later in the same run. */
  readonly revisits: boolean;
  /** The work that it needs to be near, by index. */
  readonly needed: ReadonlySet<number>;
  /** Which work it may push aside although it is as important, by index. */
  readonly replaces: ReadonlySet<number>;
}
