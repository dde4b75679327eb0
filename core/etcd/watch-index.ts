import type { Key } from '../keyspace/types.ts';
import type { Interval } from './key-range.ts';

export interface Watching {
  readonly interval: Interval;
}

/** Watches of ranges that are searched one by one, before the tree is made anew. */
const FRESH_MIN = 64;

/**
 * Finds the watches that concern a key among very many: watches of one key by hash, those of ranges in a tree of intervals (sorted by
 * their start, each node knowing the greatest end below it) that is made anew when enough of them have come or gone.
 */
export class WatchIndex<W extends Watching> {
  readonly #byKey = new Map<Key, Set<W>>();
  readonly #ranges = new Set<W>();
  #tree: Tree<W> = { watches: [], ends: [] };
  /** Not in the tree yet. */
  readonly #fresh = new Set<W>();
  #gone = 0;

  add(watch: W): void {
    const { interval } = watch;
    if (isOneKey(interval)) {
      const set = this.#byKey.get(interval.from) ?? new Set();
      this.#byKey.set(interval.from, set.add(watch));
      return;
    }
    this.#ranges.add(watch);
    this.#fresh.add(watch);
  }

  delete(watch: W): void {
    const { interval } = watch;
    if (isOneKey(interval)) {
      const set = this.#byKey.get(interval.from);
      if (set?.delete(watch) && set.size === 0) this.#byKey.delete(interval.from);
      return;
    }
    if (!this.#ranges.delete(watch)) return;
    if (!this.#fresh.delete(watch)) this.#gone++;
  }

  /** The watches of `key`, in no particular order. */
  *of(key: Key): Generator<W> {
    yield* this.#byKey.get(key) ?? [];
    const limit = FRESH_MIN + this.#tree.watches.length / 8;
    if (this.#fresh.size > limit || this.#gone > limit) this.#rebuild();
    for (const watch of this.#fresh) if (contains(watch.interval, key)) yield watch;
    for (const watch of stab(this.#tree, key)) if (this.#ranges.has(watch)) yield watch;
  }

  #rebuild(): void {
    const watches = [...this.#ranges].sort((a, b) => (a.interval.from < b.interval.from ? -1 : 1));
    const ends: Key[] = [];
    fillEnds(watches, ends, 0, watches.length);
    this.#tree = { watches, ends };
    this.#fresh.clear();
    this.#gone = 0;
  }
}

/** A balanced tree without pointers: the root of `[low, high)` is in its middle. */
interface Tree<W> {
  readonly watches: readonly W[];
  /** The greatest end in the subtree of each. */
  readonly ends: readonly Key[];
}

function fillEnds(watches: readonly Watching[], ends: Key[], low: number, high: number): Key {
  if (low >= high) return '';
  const middle = (low + high) >>> 1;
  const left = fillEnds(watches, ends, low, middle);
  const right = fillEnds(watches, ends, middle + 1, high);
  const own = watches[middle]!.interval.to;
  const greatest = [left, right].reduce((a, b) => (a < b ? b : a), own);
  ends[middle] = greatest;
  return greatest;
}

function* stab<W extends Watching>({ watches, ends }: Tree<W>, key: Key): Generator<W> {
  const open: [low: number, high: number][] = [[0, watches.length]];
  while (open.length > 0) {
    const [low, high] = open.pop()!;
    if (low >= high) continue;
    const middle = (low + high) >>> 1;
    if (ends[middle]! <= key) continue;
    const { interval } = watches[middle]!;
    open.push([low, middle]);
    if (interval.from <= key) {
      if (key < interval.to) yield watches[middle]!;
      open.push([middle + 1, high]);
    }
  }
}

function isOneKey({ from, to }: Interval): boolean {
  return to.length === from.length + 1 && to === `${from}\0`;
}

function contains({ from, to }: Interval, key: Key): boolean {
  return from <= key && key < to;
}
