import type { Key } from './types.ts';

/**
 * A sorted map from keys to values: a B+ tree whose copies are free. `copy()` shares every node; whichever side changes
 * something afterwards copies the few nodes on the way there (about three of NODE_MAX entries in a million keys), and changes them in
 * place from then on. So a reader keeps an immutable view for the price of one small object.
 */

const NODE_MAX = 64;
const NODE_MIN = NODE_MAX / 4;

/** Identity of the map that may change a node in place. */
type Owner = object;

interface Leaf<V> {
  owner: Owner;
  readonly children: undefined;
  keys: Key[];
  values: V[];
}

interface Branch<V> {
  owner: Owner;
  readonly children: Node<V>[];
  /** keys[i] <= every key below children[i]; keys[0] is not looked at. */
  keys: Key[];
  /** Entries below. */
  size: number;
}

type Node<V> = Leaf<V> | Branch<V>;

export class SortedMap<V> {
  #root: Node<V>;
  #owner: Owner = {};
  /** The new right half after a node on the way was split, for its parent to take in. */
  #splitOff: Node<V> | undefined;
  /** What set or delete found under the key. */
  #previous: V | undefined;

  constructor() {
    this.#root = { owner: this.#owner, children: undefined, keys: [], values: [] };
  }

  get size(): number {
    return sizeOf(this.#root);
  }

  /** A map with the same entries; later changes of either don't show in the other. O(1). */
  copy(): SortedMap<V> {
    const copy = new SortedMap<V>();
    copy.#root = this.#root;
    // The nodes belong to neither from now on.
    this.#owner = {};
    return copy;
  }

  get(key: Key): V | undefined {
    let node = this.#root;
    while (node.children) node = node.children[childIndex(node.keys, key)]!;
    const index = lowerBound(node.keys, key);
    return node.keys[index] === key ? node.values[index] : undefined;
  }

  /** Returns the value that was there. */
  set(key: Key, value: V): V | undefined {
    this.#previous = undefined;
    const root = this.#set(this.#root, key, value);
    const right = this.#splitOff;
    this.#root = root;
    if (right) {
      this.#splitOff = undefined;
      this.#root = {
        owner: this.#owner,
        children: [root, right],
        keys: [firstKey(root), firstKey(right)],
        size: sizeOf(root) + sizeOf(right),
      };
    }
    return this.#taken();
  }

  /** Returns the value that was there. */
  delete(key: Key): V | undefined {
    if (this.get(key) === undefined) return undefined;
    let root = this.#delete(this.#root, key);
    while (root.children?.length === 1) root = root.children[0]!;
    this.#root = root;
    return this.#taken();
  }

  /** Values of `from <= key < to` in ascending order, as of now: changes made while it is read don't show. */
  range(from: Key, to: Key): IterableIterator<V> {
    // What is being read must not be changed in place.
    this.#owner = {};
    return new RangeIterator(this.#root, from, to);
  }

  /** How many keys there are in `from <= key < to`, without visiting them. */
  count(from: Key, to: Key): number {
    return from < to ? rankOf(this.#root, to) - rankOf(this.#root, from) : 0;
  }

  #taken(): V | undefined {
    const previous = this.#previous;
    this.#previous = undefined;
    return previous;
  }

  #own<N extends Node<V>>(node: N): N {
    if (node.owner === this.#owner) return node;
    const copy: Node<V> = node.children
      ? { owner: this.#owner, children: node.children.slice(), keys: node.keys.slice(), size: node.size }
      : { owner: this.#owner, children: undefined, keys: node.keys.slice(), values: node.values.slice() };
    return copy as N;
  }

  #set(shared: Node<V>, key: Key, value: V): Node<V> {
    const node = this.#own(shared);
    if (!node.children) {
      const index = lowerBound(node.keys, key);
      if (node.keys[index] === key) {
        this.#previous = node.values[index];
        node.values[index] = value;
        return node;
      }
      insertAt(node.keys, index, key);
      insertAt(node.values, index, value);
      if (node.keys.length > NODE_MAX) {
        const at = splitPoint(index, node.keys.length);
        this.#splitOff = { owner: this.#owner, children: undefined, keys: node.keys.splice(at), values: node.values.splice(at) };
      }
      return node;
    }
    const index = childIndex(node.keys, key);
    const child = this.#set(node.children[index]!, key, value);
    node.children[index] = child;
    const right = this.#splitOff;
    if (right) {
      this.#splitOff = undefined;
      insertAt(node.children, index + 1, right);
      insertAt(node.keys, index + 1, firstKey(right));
    }
    if (this.#previous === undefined) node.size++;
    if (node.children.length > NODE_MAX) {
      const at = splitPoint(index + 1, node.children.length);
      const children = node.children.splice(at);
      const size = children.reduce((sum, each) => sum + sizeOf(each), 0);
      this.#splitOff = { owner: this.#owner, children, keys: node.keys.splice(at), size };
      node.size -= size;
    }
    return node;
  }

  #delete(shared: Node<V>, key: Key): Node<V> {
    const node = this.#own(shared);
    if (!node.children) {
      const index = lowerBound(node.keys, key);
      this.#previous = node.values[index];
      node.keys.splice(index, 1);
      node.values.splice(index, 1);
      return node;
    }
    const index = childIndex(node.keys, key);
    node.children[index] = this.#delete(node.children[index]!, key);
    node.size--;
    if (widthOf(node.children[index]!) < NODE_MIN) this.#mergeChild(node, index);
    return node;
  }

  /** Joins a child that became small with a neighbour, if both fit into one node. */
  #mergeChild(node: Branch<V>, index: number): void {
    const at = index > 0 ? index - 1 : index;
    const left = node.children[at];
    const right = node.children[at + 1];
    if (!left || !right || widthOf(left) + widthOf(right) > NODE_MAX) return;
    const merged = this.#own(left);
    const separator = node.keys[at + 1]!;
    if (merged.children && right.children) {
      merged.children.push(...right.children);
      // The first key of a branch is not kept up to date: the parent's separator is its true lower bound.
      merged.keys.push(separator, ...right.keys.slice(1));
      merged.size += right.size;
    } else if (!merged.children && !right.children) {
      merged.keys.push(...right.keys);
      merged.values.push(...right.values);
    }
    node.children[at] = merged;
    node.children.splice(at + 1, 1);
    node.keys.splice(at + 1, 1);
  }
}

/** Walks leaves from left to right, with the branches above the leaf on a stack. */
class RangeIterator<V> implements IterableIterator<V> {
  readonly #branches: Branch<V>[] = [];
  /** Which child of each of the branches is being read. */
  readonly #children: number[] = [];
  readonly #to: Key;
  #leaf: Leaf<V> | undefined;
  #index: number;

  constructor(root: Node<V>, from: Key, to: Key) {
    this.#to = to;
    let node = root;
    while (node.children) {
      const index = childIndex(node.keys, from);
      this.#branches.push(node);
      this.#children.push(index);
      node = node.children[index]!;
    }
    this.#index = lowerBound(node.keys, from);
    this.#leaf = from < to ? node : undefined;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<V, undefined> {
    for (let leaf = this.#leaf; leaf; leaf = this.#nextLeaf()) {
      if (this.#index < leaf.keys.length) {
        if (leaf.keys[this.#index]! >= this.#to) break;
        return { done: false, value: leaf.values[this.#index++]! };
      }
    }
    this.#leaf = undefined;
    return { done: true, value: undefined };
  }

  return(): IteratorResult<V, undefined> {
    this.#leaf = undefined;
    return { done: true, value: undefined };
  }

  #nextLeaf(): Leaf<V> | undefined {
    this.#index = 0;
    this.#leaf = undefined;
    while (this.#branches.length > 0) {
      const depth = this.#branches.length - 1;
      const child = this.#children[depth]! + 1;
      let node: Node<V> | undefined = this.#branches[depth]!.children[child];
      if (!node) {
        this.#branches.pop();
        this.#children.pop();
        continue;
      }
      this.#children[depth] = child;
      while (node.children) {
        this.#branches.push(node);
        this.#children.push(0);
        node = node.children[0]!;
      }
      this.#leaf = node;
      break;
    }
    return this.#leaf;
  }
}

function sizeOf<V>(node: Node<V>): number {
  return node.children ? node.size : node.keys.length;
}

function widthOf<V>(node: Node<V>): number {
  return node.keys.length;
}

function firstKey<V>(node: Node<V>): Key {
  return node.keys[0] ?? '';
}

/** Entries below `node` whose key is < `key`. */
function rankOf<V>(root: Node<V>, key: Key): number {
  let rank = 0;
  let node = root;
  while (node.children) {
    const index = childIndex(node.keys, key);
    for (let left = 0; left < index; left++) rank += sizeOf(node.children[left]!);
    node = node.children[index]!;
  }
  return rank + lowerBound(node.keys, key);
}

/** First index whose key is >= `key`. */
export function lowerBound(keys: readonly Key[], key: Key): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The child whose range `key` falls into. */
function childIndex(keys: readonly Key[], key: Key): number {
  let low = 1;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** In the middle; but keys that come in ascending order leave full nodes behind. */
function splitPoint(inserted: number, length: number): number {
  return inserted === length - 1 ? length - 1 : length >>> 1;
}

function insertAt<T>(array: T[], index: number, value: T): void {
  if (index === array.length) array.push(value);
  else array.splice(index, 0, value);
}
