import type { Key, KeyValue, ReadView } from '../keyspace/types.ts';
import { decodeResource, resourceKey } from '../resources/codec.ts';
import { kindByName } from '../resources/kinds/index.ts';
import type { Heartbeat } from '../node/heartbeat.ts';
import type { AnyResource, KindMap, KindName } from '../resources/schema/kinds.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { Unit } from '../resources/schema/unit.ts';
import { LISTENING_SINCE_NAMESPACE, listeningSinceOf } from './listening-since.ts';
import type { ClusterState } from './types.ts';

/**
 * A ClusterState that follows changes: built once from a view of the registry, then told of each key that changed. So a
 * round of the controllers costs what changed in it, not the size of the cluster.
 */
export interface FollowingState extends ClusterState {
  /** Tells it what is at `key` now; `undefined` = nothing. */
  set(key: Key, kv: KeyValue | undefined): void;
}

/** What is known of hosts beside the log. */
export type Hearing = Pick<ClusterState, 'heartbeats' | 'heardAsOf'> & Partial<Pick<ClusterState, 'listeningSince'>>;

const NOBODY: Hearing = { heartbeats: new Map(), heardAsOf: 0 };

export const REGISTRY_FROM: Key = '/registry/';
export const REGISTRY_TO: Key = '/registry0';

export function clusterState(view: ReadView, hearing: Hearing = NOBODY): FollowingState {
  const state = new IndexedState(view.revision, hearing);
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

/** Objects on shelves by some property of theirs. */
class Index {
  readonly #shelvesOf: (object: AnyResource) => readonly string[];
  readonly #shelves = new Map<string, Shelf<AnyResource>>();

  constructor(shelvesOf: (object: AnyResource) => readonly string[]) {
    this.#shelvesOf = shelvesOf;
  }

  change(key: Key, before: AnyResource | undefined, after: AnyResource | undefined): void {
    const names = after ? this.#shelvesOf(after) : [];
    // It keeps its place on a shelf where it stays: taking it off and putting it back would cost a sort.
    if (before) for (const name of this.#shelvesOf(before)) if (!names.includes(name)) this.#shelves.get(name)?.delete(key);
    for (const name of names) {
      let shelf = this.#shelves.get(name);
      if (!shelf) this.#shelves.set(name, (shelf = new Shelf()));
      shelf.set(key, after!);
    }
  }

  list<T extends AnyResource>(name: string): readonly T[] {
    return (this.#shelves.get(name)?.list() ?? []) as readonly T[];
  }
}

const controllerUid = ({ metadata }: AnyResource) => metadata.ownerReferences?.find((owner) => owner.controller)?.uid;

/** Each is built when it is first asked: most runs need only some of them. */
const INDEXES = {
  controller: (object: AnyResource) => {
    const uid = controllerUid(object);
    return uid === undefined ? [] : [`${object.kind} ${uid}`];
  },
  orphan: (object: AnyResource) =>
    controllerUid(object) === undefined ? [`${object.kind} ${object.metadata.namespace ?? ''}`] : [],
  owner: ({ metadata }: AnyResource) => [...new Set(metadata.ownerReferences?.map(({ uid }) => uid))],
  namespace: ({ metadata }: AnyResource) => (metadata.namespace ? [metadata.namespace] : []),
  node: (object: AnyResource) => (object.kind === 'Pod' && object.spec.nodeName ? [object.spec.nodeName] : []),
  unitHost: (object: AnyResource) => (object.kind === 'Unit' ? (object.status?.hosts ?? []).map(({ nodeName }) => nodeName) : []),
};

class IndexedState implements FollowingState {
  readonly revision: number;
  readonly heartbeats: ReadonlyMap<string, Heartbeat>;
  readonly heardAsOf: number;
  readonly #listeningSince: number | undefined;
  readonly #byKey = new Map<Key, AnyResource>();
  readonly #kinds = new Index(({ kind }) => [kind]);
  readonly #indexes = new Map<keyof typeof INDEXES, Index>();
  #uids: Map<string, AnyResource> | undefined;

  constructor(revision: number, { heartbeats, heardAsOf, listeningSince }: Hearing) {
    this.revision = revision;
    this.heartbeats = heartbeats;
    this.heardAsOf = heardAsOf;
    this.#listeningSince = listeningSince;
  }

  get listeningSince(): number {
    return this.#listeningSince ?? listeningSinceOf(this.get('Namespace', '', LISTENING_SINCE_NAMESPACE));
  }

  set(key: Key, kv: KeyValue | undefined): void {
    const before = this.#byKey.get(key);
    const after = kv && decodeResource(kv);
    if (after) this.#byKey.set(key, after);
    else this.#byKey.delete(key);
    this.#kinds.change(key, before, after);
    for (const index of this.#indexes.values()) index.change(key, before, after);
    if (before && this.#uids?.get(before.metadata.uid) === before) this.#uids.delete(before.metadata.uid);
    if (after) this.#uids?.set(after.metadata.uid, after);
  }

  #index(name: keyof typeof INDEXES): Index {
    let index = this.#indexes.get(name);
    if (!index) {
      this.#indexes.set(name, (index = new Index(INDEXES[name])));
      for (const [key, object] of this.#byKey) index.change(key, undefined, object);
    }
    return index;
  }

  list<K extends KindName>(kind: K): readonly KindMap[K][] {
    return this.#kinds.list<KindMap[K]>(kind);
  }

  get<K extends KindName>(kind: K, namespace: string, name: string): KindMap[K] | undefined {
    const { group, plural } = kindByName(kind);
    return this.#byKey.get(resourceKey(group, plural, namespace, name)) as KindMap[K] | undefined;
  }

  byUid(uid: string): AnyResource | undefined {
    this.#uids ??= new Map(Array.from(this.#byKey.values(), (object) => [object.metadata.uid, object]));
    return this.#uids.get(uid);
  }

  ownedBy<K extends KindName>(kind: K, uid: string): readonly KindMap[K][] {
    return this.#index('controller').list<KindMap[K]>(`${kind} ${uid}`);
  }

  dependents(uid: string): readonly AnyResource[] {
    return this.#index('owner').list(uid);
  }

  orphans<K extends KindName>(kind: K, namespace: string): readonly KindMap[K][] {
    return this.#index('orphan').list<KindMap[K]>(`${kind} ${namespace}`);
  }

  inNamespace(namespace: string): readonly AnyResource[] {
    return this.#index('namespace').list(namespace);
  }

  podsOn(nodeName: string): readonly Pod[] {
    return this.#index('node').list<Pod>(nodeName);
  }

  unitsOn(nodeName: string): readonly Unit[] {
    return this.#index('unitHost').list<Unit>(nodeName);
  }
}
