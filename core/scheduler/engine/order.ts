import { type CompiledWork, PODS } from './compiled.ts';
import type { NodeClasses } from './node-classes.ts';
import type { Placer } from './placer.ts';

/** Packing mixes work whose sizes are within a sixteenth of the largest node, within a sixteenth of that, and so on. */
const BAND = 16;
const SMALLEST = 2 ** -16;
/** One node in so many is few. */
const FEW = 16;

/**
 * In which order classes of work are best placed. The important first; then what has fewest places to go to, while those are free;
 * then the large before the small, which fill what is left. Packing only goes by how large roughly, as it moves work afterwards: if all that is
 * heavy in memory came first, there would be nothing else yet to use the cpu beside it. What other work must be near to comes no later than that
 * work. Returns class -> rank. Deterministic; ties by the order of the classes.
 */
export function placementOrder({ model, strategy }: Pick<Placer, 'model' | 'strategy'>): Int32Array {
  const { works, cpu, memory, classes } = model;
  const size = works.map((each) => {
    const share = Math.max(cpu.share(each.cpu), memory.share(each.memory));
    return strategy === 'pack' ? bandOf(share) : share;
  });
  const narrow = narrowness(works, classes);
  const order = [...works.keys()].sort(
    (a, b) =>
      works[b]!.work.priority - works[a]!.work.priority ||
      narrow[b]! - narrow[a]! ||
      Number(works[a]!.needsWide.length > 0) - Number(works[b]!.needsWide.length > 0) ||
      size[b]! - size[a]! ||
      a - b,
  );
  const rank = new Int32Array(works.length).fill(-1);
  let next = 0;
  const followers = followersOf(works);
  const emit = (first: number): void => {
    // A list, not recursion: followers of followers may be as many as there is work.
    const due = [first];
    for (let index = due.pop(); index !== undefined; index = due.pop()) {
      if (rank[index] !== -1) continue;
      rank[index] = next++;
      // Right after what it needs, before the place beside that is taken.
      for (const follower of followers.get(index) ?? [])
        if (works[follower]!.work.priority === works[index]!.work.priority) due.push(follower);
    }
  };
  for (const index of order) if (works[index]!.needsHere.length === 0) emit(index);
  for (const index of order) emit(index);
  return sortedByPriority(works, rank);
}

/** A follower that was left to the end keeps its place among those of its priority. */
function sortedByPriority(works: readonly CompiledWork[], rank: Int32Array): Int32Array {
  const order = [...works.keys()].sort((a, b) => works[b]!.work.priority - works[a]!.work.priority || rank[a]! - rank[b]!);
  const sorted = new Int32Array(works.length);
  for (const [at, index] of order.entries()) sorted[index] = at;
  return sorted;
}

/** Work -> the work that needs to be on the same node. */
function followersOf(works: readonly CompiledWork[]): Map<number, number[]> {
  const followers = new Map<number, number[]>();
  for (const [index, { needed, needsHere }] of works.entries())
    for (const other of needsHere.length > 0 ? needed : []) {
      if (other === index) continue;
      const list = followers.get(other);
      if (list) list.push(index);
      else followers.set(other, [index]);
    }
  return followers;
}

/**
 * How few places there are, roughly: whether just a few nodes would do however empty they are, and kinds of constraints, those on single nodes
 * weighing more than those on zones.
 */
function narrowness(works: readonly CompiledWork[], classes: NodeClasses): number[] {
  const nodeCount = classes.nodes.length;
  const sizes = new Int32Array(classes.count);
  for (const nodeClass of classes.classOf) sizes[nodeClass]!++;
  const narrow = works.map((each) => {
    const single = each.forbidsHere.length + each.needsHere.length + each.spreadHere.length > 0;
    const some = each.work.filter !== undefined || each.resources.some((resource) => resource > PODS);
    const wide = each.forbidsWide.length + each.needsWide.length + each.spreadWide.length > 0;
    const places = each.mask
      ? each.mask.reduce((sum, one) => sum + one, 0)
      : each.classes.reduce((sum, at) => sum + sizes[at]!, 0);
    const few = places === 1 || places * FEW < nodeCount;
    return 6 * Number(few) + 2 * Number(single) + 2 * Number(some) + Number(wide);
  });
  // Whoever is needed is placed with those who need it.
  for (const [index, { needed }] of works.entries())
    for (const other of needed) narrow[other] = Math.max(narrow[other]!, narrow[index]!);
  return narrow;
}

/** 0: the whole of the largest node; -1: a sixteenth of it or more. */
function bandOf(share: number): number {
  return Math.floor(Math.log(Math.max(share, SMALLEST)) / Math.log(BAND));
}
