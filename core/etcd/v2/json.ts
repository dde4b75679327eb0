import type { StoredNode } from './layout.ts';

/** Answers in etcd's words, its order of fields, and Go's way of escaping. */

export interface V2Node {
  readonly key?: string;
  readonly value?: string;
  readonly dir?: true;
  readonly expiration?: string;
  readonly ttl?: number;
  readonly nodes?: readonly V2Node[];
  readonly modifiedIndex?: number;
  readonly createdIndex?: number;
}

export interface V2Event {
  readonly action: string;
  readonly node?: V2Node;
  readonly prevNode?: V2Node;
}

/** `now`: ms since the epoch. `nodes`: what is in a directory. */
export function nodeJson(node: StoredNode, now: number, nodes: readonly V2Node[] = []): V2Node {
  const { path, dir, value, expiresAt, modifiedIndex, createdIndex } = node;
  return {
    ...(path === '/' ? {} : { key: path }),
    ...(dir ? { dir: true } : { value }),
    ...(expiresAt > 0
      ? { expiration: new Date(expiresAt).toISOString(), ttl: Math.max(0, Math.ceil((expiresAt - now) / 1000)) }
      : {}),
    ...(nodes.length > 0 ? { nodes } : {}),
    ...(path === '/' ? {} : { modifiedIndex, createdIndex }),
  };
}

/** What is left to say of a node that was deleted. */
export function goneJson(node: StoredNode, modifiedIndex: number): V2Node {
  const { path, dir, createdIndex } = node;
  return { key: path, ...(dir ? { dir: true } : {}), modifiedIndex, createdIndex };
}

export function goJson(value: object): string {
  const escaped = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${escaped}\n`;
}
