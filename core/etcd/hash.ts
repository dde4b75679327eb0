import { AFTER_ALL_KEYS } from '../keyspace/keys.ts';
import type { KeyValue } from '../keyspace/types.ts';
import type { View } from '../keyspace/view.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Keys between two rests, so that a large store doesn't hold everybody up. */
const KEYS_AT_ONCE = 5_000;

/**
 * 32 bits over all keys of a view with their values, revisions, versions and leases (FNV-1a): the same wherever the same is stored. Not
 * etcd's figure, which is over its own file format.
 */
export async function hashOf(view: View, rest: () => Promise<void>): Promise<number> {
  let hash = FNV_OFFSET;
  let count = 0;
  for (const kv of view.range('', AFTER_ALL_KEYS)) {
    hash = hashKeyValue(hash, kv);
    if (++count % KEYS_AT_ONCE === 0) await rest();
  }
  return hash >>> 0;
}

function hashKeyValue(start: number, { key, value, createRevision, modRevision, version, lease }: KeyValue): number {
  let hash = start;
  const text = `${key.length}:${key}${value.length}:${createRevision}:${modRevision}:${version}:${lease};`;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  for (const byte of value) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash;
}
