import { HOST, type NodeFilter, type SchedulingNode, type Work } from './work.ts';

/** Labels with more values than this say which node rather than which kind of node. */
const MOST_VALUES = 64;
/** Each class has a square of cells of 16 KB. */
export const MOST_CLASSES = 1024;

/** Nodes, sorted by name, in classes: those of one class are equal in everything that any filter or topology looks at. */
export interface NodeClasses {
  readonly nodes: readonly SchedulingNode[];
  readonly classOf: Int32Array;
  /** The first node of each class: it speaks for all. */
  readonly first: readonly number[];
  readonly count: number;
  /** Labels in which the nodes of one class may differ: what looks at them is asked node by node. */
  readonly individual: ReadonlySet<string>;
}

export function classifyNodes(given: readonly SchedulingNode[], works: readonly Work[]): NodeClasses {
  const nodes = [...given].sort((a, b) => (a.name < b.name ? -1 : 1));
  const keys = labelsLookedAt(works);
  const values = new Map<string, number>();
  for (const key of keys) values.set(key, new Set(nodes.map(({ labels }) => labels[key])).size);
  const shared = [...keys]
    .filter((key) => values.get(key)! <= MOST_VALUES)
    .sort((a, b) => values.get(a)! - values.get(b)! || (a < b ? -1 : 1));
  for (;;) {
    const { classOf, first } = group(nodes, shared);
    if (first.length <= MOST_CLASSES || shared.length === 0)
      return {
        nodes,
        classOf,
        first,
        count: first.length,
        individual: new Set([...keys].filter((key) => !shared.includes(key))),
      };
    shared.pop();
  }
}

export function isIndividual(filter: NodeFilter, { individual }: NodeClasses): boolean {
  return filter.readsName || filter.labels.some((key) => individual.has(key));
}

function labelsLookedAt(works: readonly Work[]): Set<string> {
  const keys = new Set<string>();
  for (const { filter, preferences, needs, avoids, likes, spread } of works) {
    for (const each of filter
      ? [filter, ...preferences.map((preference) => preference.filter)]
      : preferences.map((p) => p.filter))
      for (const key of each.labels) keys.add(key);
    for (const { topologyKey } of needs) keys.add(topologyKey);
    for (const { topologyKey } of avoids) keys.add(topologyKey);
    for (const { term } of likes) keys.add(term.topologyKey);
    for (const { term } of spread) keys.add(term.topologyKey);
  }
  keys.delete(HOST);
  return keys;
}

function group(nodes: readonly SchedulingNode[], keys: readonly string[]): { classOf: Int32Array; first: number[] } {
  const classOf = new Int32Array(nodes.length);
  const first: number[] = [];
  const known = new Map<string, number>();
  const taints = new Map<string, string>();
  for (const [index, node] of nodes.entries()) {
    let text = '';
    for (const key of keys) text += `${node.labels[key] ?? '\u0001'}\u0000`;
    if (node.closed !== undefined) text += `\u0002${node.closed}`;
    if (node.taints.length > 0) {
      // JSON is slow; most nodes have the same few.
      const parts = node.taints.map(({ key, value, effect }) => `${key}\u0000${value ?? ''}\u0000${effect}`).join('\u0003');
      if (!taints.has(parts)) taints.set(parts, `\u0004${taints.size}`);
      text += taints.get(parts);
    }
    let id = known.get(text);
    if (id === undefined) {
      known.set(text, (id = first.length));
      first.push(index);
    }
    classOf[index] = id;
  }
  return { classOf, first };
}
