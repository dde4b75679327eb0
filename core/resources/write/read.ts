import type { Key, ReadView, TxnView } from '../../keyspace/types.ts';
import { decodeResource, encodeResource, prefixEnd, resourceKey, resourcePrefix } from '../codec.ts';
import { type KindDefinition, kindByName } from '../kinds/index.ts';
import type { AnyResource, KindMap, KindName } from '../schema/kinds.ts';

/** The stored object, or undefined. Shared and frozen by convention: copy before changing. `namespace` is '' for cluster-scoped kinds. */
export function getResource<K extends KindName>(
  view: ReadView,
  kind: K,
  namespace: string,
  name: string,
): KindMap[K] | undefined {
  const kv = view.get(keyOf(kindByName(kind) as KindDefinition, namespace, name));
  return kv && decodeResource<KindMap[K]>(kv);
}

/** All objects of a kind, or those of one namespace, by namespace and name. Shared and frozen by convention. */
export function listResources<K extends KindName>(view: ReadView, kind: K, namespace?: string): KindMap[K][] {
  const { group, plural } = kindByName(kind);
  const prefix = resourcePrefix(group, plural, namespace);
  return Array.from(view.range(prefix, prefixEnd(prefix)), (kv) => decodeResource<KindMap[K]>(kv));
}

export function keyOf(definition: KindDefinition, namespace: string | undefined, name: string): Key {
  return resourceKey(definition.group, definition.plural, definition.namespaced ? namespace : undefined, name);
}

/** Writes the object and puts the revision that this write will have into its metadata. */
export function store<T extends AnyResource>(txn: TxnView, definition: KindDefinition, object: T): T {
  const key = keyOf(definition, object.metadata.namespace, object.metadata.name);
  txn.put(key, encodeResource(object));
  object.metadata.resourceVersion = String(txn.get(key)!.modRevision);
  return object;
}
