import type { Key, KeyValue, ReadView } from '../keyspace/types.ts';
import { decodeResource } from '../resources/codec.ts';
import type { AnyResource, KindMap, KindName } from '../resources/schema/kinds.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { ClusterState } from './types.ts';

/**
 * A ClusterState that follows changes: built once from a view of the registry, then told of each key that changed. So a
 * round of the controllers costs what changed in it, not the size of the cluster.
 */
export interface FollowingState extends ClusterState {
  /** Tells it what is at `key` now; `undefined` = nothing. */
  set(key: Key, kv: KeyValue | undefined): void;
}

export const REGISTRY_FROM: Key = '/registry/';
export const REGISTRY_TO: Key = '/registry0';

export function clusterState(view: ReadView, heartbeats: ReadonlyMap<string, number> = new Map()): FollowingState {
  const state = new IndexedState(view.revision, heartbeats);
  for (const kv of view.range(REGISTRY_FROM, REGISTRY_TO)) state.set(kv.key, kv);
  return state;
}

/** Objects under their keys, listed in key order whatever the order of the changes: decisions must not depend on history. */
class Shelf<T extends AnyResource> {
  #objects = new Map<Key, T>();
  #listed: readonly T[] | undefined;
  #sorted = true;
  #lastKey: Key = '';

  set(key: Key, object: T): void {
    if (!this.#objects.has(key)) {
      if (key < this.#lastKey) this.#sorted = false;
      else this.#lastKey = key;
    }
    this.#objects.set(key, object);
    this.#listed = undefined;
  }

  delete(key: Key): void {
    this.#objects.delete(key);
    this.#listed = undefined;
  }

  list(): readonly T[] {
    if (!this.#sorted) {
      this.#objects = new Map([...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1)));
      this.#sorted = true;
    }
    this.#listed ??= [...this.#objects.values()];
    return this.#listed;
  }
}

class Shelves {
  readonly #shelves = new Map<string, Shelf<AnyResource>>();

  set(name: string, key: Key, object: AnyResource): void {
    let shelf = this.#shelves.get(name);
    if (!shelf) this.#shelves.set(name, (shelf = new Shelf()));
    shelf.set(key, object);
  }

  delete(name: string, key: Key): void {
    this.#shelves.get(name)?.delete(key);
  }

  list<T extends AnyResource>(name: string): readonly T[] {
    return (this.#shelves.get(name)?.list() ?? []) as readonly T[];
  }
}

/** The shelves an object stands on, besides its own key. Owner uids are written by clients: the prefix keeps them apart. */
function shelvesOf(object: AnyResource): string[] {
  const { namespace = '', ownerReferences = [] } = object.metadata;
  const names = [`kind ${object.kind}`];
  if (namespace) names.push(`namespace ${namespace}`);
  const controller = ownerReferences.find((owner) => owner.controller);
  names.push(controller ? `controller ${object.kind} ${controller.uid}` : `orphan ${object.kind} ${namespace}`);
  for (const uid of new Set(ownerReferences.map((owner) => owner.uid))) names.push(`owner ${uid}`);
  if (object.kind === 'Pod' && object.spec.nodeName) names.push(`node ${object.spec.nodeName}`);
  return names;
}

const nameOf = ({ kind, metadata }: AnyResource) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

class IndexedState implements FollowingState {
  readonly revision: number;
  readonly heartbeats: ReadonlyMap<string, number>;
  readonly #byKey = new Map<Key, AnyResource>();
  readonly #byName = new Map<string, AnyResource>();
  readonly #byUid = new Map<string, AnyResource>();
  readonly #shelves = new Shelves();

  constructor(revision: number, heartbeats: ReadonlyMap<string, number>) {
    this.revision = revision;
    this.heartbeats = heartbeats;
  }

  set(key: Key, kv: KeyValue | undefined): void {
    const before = this.#byKey.get(key);
    const after = kv && decodeResource(kv);
    const shelves = after ? shelvesOf(after) : [];
    if (before) {
      // It keeps its place on a shelf where it stays: taking it off and putting it back would cost a sort.
      for (const shelf of shelvesOf(before)) if (!shelves.includes(shelf)) this.#shelves.delete(shelf, key);
      this.#byName.delete(nameOf(before));
      if (this.#byUid.get(before.metadata.uid) === before) this.#byUid.delete(before.metadata.uid);
      this.#byKey.delete(key);
    }
    if (after) {
      for (const shelf of shelves) this.#shelves.set(shelf, key, after);
      this.#byName.set(nameOf(after), after);
      this.#byUid.set(after.metadata.uid, after);
      this.#byKey.set(key, after);
    }
  }

  list<K extends KindName>(kind: K): readonly KindMap[K][] {
    return this.#shelves.list<KindMap[K]>(`kind ${kind}`);
  }

  get<K extends KindName>(kind: K, namespace: string, name: string): KindMap[K] | undefined {
    return this.#byName.get(`${kind} ${namespace}/${name}`) as KindMap[K] | undefined;
  }

  byUid(uid: string): AnyResource | undefined {
    return this.#byUid.get(uid);
  }

  ownedBy<K extends KindName>(kind: K, uid: string): readonly KindMap[K][] {
    return this.#shelves.list<KindMap[K]>(`controller ${kind} ${uid}`);
  }

  dependents(uid: string): readonly AnyResource[] {
    return this.#shelves.list(`owner ${uid}`);
  }

  orphans<K extends KindName>(kind: K, namespace: string): readonly KindMap[K][] {
    return this.#shelves.list<KindMap[K]>(`orphan ${kind} ${namespace}`);
  }

  inNamespace(namespace: string): readonly AnyResource[] {
    return this.#shelves.list(`namespace ${namespace}`);
  }

  podsOn(nodeName: string): readonly Pod[] {
    return this.#shelves.list<Pod>(`node ${nodeName}`);
  }
}
