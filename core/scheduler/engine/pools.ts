import type { NodeClasses } from './node-classes.ts';

/** Small classes of nodes share a pool as long as it has no more nodes than this: each piece that moves may be offered to all of them. */
const MOST_NODES = 256;

/** The nodes among which a batch moves its pieces. */
export interface Pools {
  readonly count: number;
  /** Node -> its pool. */
  readonly of: Int32Array;
}

/**
 * Within a class nothing but the nodes themselves has to be asked, and a large class has room enough for all that is to be gained. But a
 * cluster of ten hosts may have ten classes, by zones, disks or the names of its hosts, and nothing could move. Deterministic.
 */
export function poolsOf({ classOf, count }: NodeClasses): Pools {
  const sizes = new Int32Array(count);
  for (const nodeClass of classOf) sizes[nodeClass]!++;
  const poolOfClass = new Int32Array(count);
  let pools = 0;
  let size = 0;
  for (let nodeClass = 0; nodeClass < count; nodeClass++) {
    if (size > 0 && size + sizes[nodeClass]! > MOST_NODES) {
      pools++;
      size = 0;
    }
    poolOfClass[nodeClass] = pools;
    size += sizes[nodeClass]!;
  }
  return { count: count === 0 ? 0 : pools + 1, of: classOf.map((nodeClass) => poolOfClass[nodeClass]!) };
}
