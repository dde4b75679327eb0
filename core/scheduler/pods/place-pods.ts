import type { Pod } from '../../resources/schema/pod.ts';
import { Batch } from '../engine/batch.ts';
import { placementOrder } from '../engine/order.ts';
import { Placer } from '../engine/placer.ts';
import { type Evictable, findVictims } from '../engine/preemption.ts';
import { refusalsOf } from '../engine/refusals.ts';
import { isMet } from '../engine/rules.ts';
import type { Place, Placement, PlacementInput, Refusals } from '../types.ts';
import { oldestFirst } from './oldest-first.ts';
import { endsBy } from './ends-by.ts';
import { classKey, podWork, schedulingNode } from './pod-work.ts';

/**
 * Places pods with the engine. The important come first: at each priority those that a node is kept for, then all the others in runs of
 * equal ones, then once more those that had to wait for another, and last whoever found no place may push less important ones aside.
 */
export const placePods: Place = (input) => new Session(input).place();

class Session {
  readonly #input: PlacementInput;
  /** The bound ones, then the pending ones. A piece of the engine is an index here. */
  readonly #pods: Pod[];
  readonly #boundCount: number;
  readonly #placer: Placer;
  readonly #batch: Batch;
  /** Piece -> 1 if it is not running and may be moved until all is decided. */
  readonly #movable: Uint8Array;
  readonly #nodeIndex: ReadonlyMap<string, number>;
  readonly #nodeNames: readonly string[];
  readonly #evictable: Evictable;
  readonly #leastImportant: number;
  readonly #nominated = new Map<number, { nodeName: string; victims: readonly Pod[] }>();
  /** Class -> how many there were of those when nothing could make room for one of it. Others like it needn't ask again. */
  readonly #hopeless = new Map<number, number>();
  /** What has to wait for those, and why. */
  readonly #early = new Map<number, Refusals>();

  constructor(input: PlacementInput) {
    this.#input = input;
    const nodes = input.nodes.map(schedulingNode);
    this.#nodeNames = nodes.map(({ name }) => name).sort();
    this.#nodeIndex = new Map(this.#nodeNames.map((name, index) => [name, index]));
    // Whatever order they come in.
    const bound = oldestFirst([...input.bound].filter(({ spec }) => this.#nodeIndex.has(spec.nodeName ?? '')));
    this.#boundCount = bound.length;
    this.#pods = [...bound, ...input.pending];
    const classes = new Map<string, number>();
    const first: Pod[] = [];
    const workOf = Int32Array.from(this.#pods, (pod) => {
      const key = classKey(pod);
      let index = classes.get(key);
      if (index === undefined) {
        classes.set(key, (index = first.length));
        first.push(pod);
      }
      return index;
    });
    const namespaces = input.namespaces ?? new Map();
    const placed = Int32Array.from(this.#pods, ({ spec }, piece) =>
      piece < this.#boundCount ? this.#nodeIndex.get(spec.nodeName!)! : -1,
    );
    this.#placer = new Placer({
      nodes,
      works: first.map((pod) => podWork(pod, namespaces)),
      workOf,
      placed,
      ...(input.strategy && { strategy: input.strategy }),
    });
    this.#movable = Uint8Array.from(this.#pods, ({ status }, piece) =>
      piece < this.#boundCount || status?.nominatedNodeName !== undefined ? 0 : 1,
    );
    this.#batch = new Batch(this.#placer, this.#movable);
    this.#evictable = this.#whoMayGo(input.budgets ?? []);
    this.#leastImportant = bound.reduce((least, pod) => Math.min(least, priorityOf(pod)), Infinity);
  }

  place(): Placement[] {
    const order = this.#order();
    for (let from = 0; from < order.length; ) {
      let to = from + 1;
      const priority = this.#priority(order[from]!);
      while (to < order.length && this.#priority(order[to]!) === priority) to++;
      this.#placePriority(order.subarray(from, to));
      from = to;
    }
    this.#batch.finish(order);
    this.#waitForThePromised(order);
    const refusals = new Map<number, Refusals>();
    return this.#input.pending.map((pod, index) => this.#answer(pod, this.#boundCount + index, refusals));
  }

  /** The pending pieces, as the engine wants them placed; of one class in the order of their age. */
  #order(): Int32Array {
    const rank = placementOrder(this.#placer);
    const { workOf } = this.#placer;
    const pieces = this.#input.pending.map((_, index) => this.#boundCount + index);
    return Int32Array.from(pieces.sort((a, b) => rank[workOf[a]!]! - rank[workOf[b]!]! || a - b));
  }

  #placePriority(pieces: Int32Array): void {
    const { nodeOf } = this.#placer;
    for (const piece of pieces) this.#claim(piece);
    this.#batch.place(pieces.filter((piece) => nodeOf[piece]! < 0));
    for (const piece of pieces) if (nodeOf[piece]! < 0) this.#preempt(piece);
  }

  /** A node was kept for it: it goes there if it can, or anywhere else, or the node is kept on while others are ending there. */
  #claim(piece: number): void {
    const nodeName = this.#pods[piece]!.status?.nominatedNodeName;
    const node = this.#nodeIndex.get(nodeName ?? '');
    if (nodeName === undefined || node === undefined) return;
    if (this.#placer.placeOn(piece, node) || this.#placer.place(Int32Array.of(piece), 0, 1) > 0) return;
    const ending: number[] = [];
    for (let other = this.#placer.lastOn[node]!; other >= 0; other = this.#placer.before[other]!)
      if (this.#isEnding(other)) ending.push(other);
    if (ending.length === 0) return;
    for (const other of ending) this.#placer.remove(other);
    const admitted = this.#placer.placeOn(piece, node);
    for (const other of ending.reverse()) this.#placer.put(other, node);
    if (admitted) this.#nominated.set(piece, { nodeName, victims: [] });
  }

  #isEnding(piece: number): boolean {
    return (endsBy(this.#pods[piece]!) ?? -Infinity) > (this.#input.now ?? 0);
  }

  #preempt(piece: number): void {
    const index = this.#placer.workOf[piece]!;
    if (this.#priority(piece) <= this.#leastImportant || this.#hopeless.get(index) === this.#nominated.size) return;
    const found = findVictims(this.#placer, piece, this.#evictable);
    if (!found) return void this.#hopeless.set(index, this.#nominated.size);
    for (const victim of found.victims) {
      this.#evictable.pieces[victim] = 0;
      this.#evictable.ending[victim] = 1;
      for (const budget of this.#evictable.budgetsOf(victim)) this.#evictable.allowed[budget]!--;
    }
    // They hold their room until they have ended, and the room is kept for this one from now on.
    this.#placer.put(piece, found.node);
    this.#movable[piece] = 0;
    const victims = found.victims.map((victim) => this.#pods[victim]!);
    this.#nominated.set(piece, { nodeName: this.#nodeNames[found.node]!, victims });
  }

  /** A node is kept for some, but they are not there yet: whoever needs to be near them waits until they are. */
  #waitForThePromised(order: Int32Array): void {
    const promised = [...this.#nominated.keys()].filter((piece) => this.#placer.nodeOf[piece]! >= 0);
    if (promised.length === 0) return;
    const homes = promised.map((piece) => this.#placer.nodeOf[piece]!);
    for (const piece of promised) this.#placer.remove(piece);
    const early = (piece: number) => {
      const node = this.#placer.nodeOf[piece]!;
      const { needsHere, needsWide } = this.#placer.model.works[this.#placer.workOf[piece]!]!;
      return node >= 0 && ![...needsHere, ...needsWide].every((needed) => isMet(needed, node));
    };
    // Others may need to be near those in turn.
    const waiting: number[] = [];
    for (let found = order.filter(early); found.length > 0; found = order.filter(early))
      for (const piece of found) {
        this.#placer.remove(piece);
        waiting.push(piece);
      }
    for (const piece of waiting) this.#early.set(piece, this.#refusals(piece));
    for (const [at, piece] of promised.entries()) this.#placer.put(piece, homes[at]!);
  }

  #whoMayGo(budgets: NonNullable<PlacementInput['budgets']>): Evictable {
    const pieces = Uint8Array.from(this.#pods, ({ metadata }, piece) =>
      piece < this.#boundCount && !metadata.deletionTimestamp ? 1 : 0,
    );
    const known = new Map<number, readonly number[]>();
    const budgetsOf = (piece: number): readonly number[] => {
      let found = known.get(piece);
      if (!found) {
        found = [...budgets.keys()].filter((index) => budgets[index]!.covers(this.#pods[piece]!));
        known.set(piece, found);
      }
      return found;
    };
    const ending = Uint8Array.from(this.#pods, (_, piece) => (piece < this.#boundCount && this.#isEnding(piece) ? 1 : 0));
    return { pieces, ending, budgetsOf, allowed: Int32Array.from(budgets, ({ allowed }) => allowed) };
  }

  #answer(pod: Pod, piece: number, known: Map<number, Refusals>): Placement {
    const node = this.#placer.nodeOf[piece]!;
    const nominated = this.#nominated.get(piece);
    if (node >= 0 && !nominated) return { pod, nodeName: this.#nodeNames[node]! };
    if (nominated) return { pod, refusals: this.#refusalsWithout(piece, node), nominated };
    const early = this.#early.get(piece);
    if (early) return { pod, refusals: early };
    const index = this.#placer.workOf[piece]!;
    let refusals = known.get(index);
    if (!refusals) known.set(index, (refusals = this.#refusals(piece)));
    return { pod, refusals };
  }

  #refusals(piece: number): Refusals {
    return refusalsOf(this.#placer, this.#placer.model.works[this.#placer.workOf[piece]!]!);
  }

  /** Why it had to wait, which has nothing to do with the room that it is to have. */
  #refusalsWithout(piece: number, node: number): Refusals {
    this.#placer.remove(piece);
    const refusals = this.#refusals(piece);
    this.#placer.put(piece, node);
    return refusals;
  }

  #priority(piece: number): number {
    return priorityOf(this.#pods[piece]!);
  }
}

const priorityOf = ({ spec }: Pod) => spec.priority ?? 0;
