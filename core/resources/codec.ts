import type { Key, KeyValue } from '../keyspace/types.ts';
import type { AnyResource } from './schema/kinds.ts';

/** Where resources live in the registry keyspace and how they are written there. */

const CLUSTER_SCOPE = '_';

/** `/registry/<group>/<plural>/<namespace>/<name>`; the core group is `core`, a cluster-scoped object's namespace `_`. */
export function resourceKey(group: string, plural: string, namespace: string | undefined, name: string): Key {
  return `${resourcePrefix(group, plural, namespace || CLUSTER_SCOPE)}${name}`;
}

/** The prefix of all objects of a kind, or of one namespace of it. Range over [prefix, prefixEnd(prefix)). */
export function resourcePrefix(group: string, plural: string, namespace?: string): Key {
  const base = `/registry/${group || 'core'}/${plural}/`;
  return namespace ? `${base}${namespace}/` : base;
}

/** The first key after every key that starts with `prefix`. */
export function prefixEnd(prefix: Key): Key {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };
const decoded = new WeakMap<KeyValue, AnyResource>();

/**
 * The object in `kv`, its resourceVersion taken from the revision that last changed it. Parsed once per KeyValue and shared:
 * treat it as frozen, and copy before changing.
 */
export function decodeResource<T extends AnyResource = AnyResource>(kv: KeyValue): T {
  let object = decoded.get(kv);
  if (!object) {
    object = JSON.parse(utf8.decoder.decode(kv.value)) as AnyResource;
    object.metadata.resourceVersion = String(kv.modRevision);
    decoded.set(kv, object);
  }
  return object as T;
}

/** The bytes stored for an object. resourceVersion is left out: the log knows it. */
export function encodeResource(object: AnyResource): Uint8Array {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return utf8.encoder.encode(JSON.stringify({ ...object, metadata }));
}
