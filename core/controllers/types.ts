import type { AnyResource, KindMap, KindName } from '../resources/schema/kinds.ts';

/** What a controller may look at: the whole cluster at one revision, and when each host was last heard of. */
export interface ClusterState {
  readonly revision: number;
  list<K extends KindName>(kind: K): readonly KindMap[K][];
  /** `namespace` is '' for cluster-scoped kinds. */
  get<K extends KindName>(kind: K, namespace: string, name: string): KindMap[K] | undefined;
  /** Objects whose controlling ownerReference is `uid`. */
  ownedBy<K extends KindName>(kind: K, uid: string): readonly KindMap[K][];
  /** Node name -> when its last report was received, ms since the epoch. Not in the log. */
  readonly heartbeats: ReadonlyMap<string, number>;
}

/** An object to be created: the store gives it uid, resourceVersion and creationTimestamp. */
export type NewResource<T extends AnyResource = AnyResource> = T extends AnyResource
  ? Omit<T, 'metadata'> & { metadata: Partial<T['metadata']> & { namespace?: string } }
  : never;

/** A decision as data. The reason of a decision is an Event, i.e. one more `create`. */
export type Change =
  | { readonly verb: 'create'; readonly object: NewResource }
  /** Replaces spec and metadata; status stays. */
  | { readonly verb: 'update'; readonly object: AnyResource }
  /** Replaces status only. */
  | { readonly verb: 'updateStatus'; readonly object: AnyResource }
  | {
      readonly verb: 'delete';
      readonly kind: KindName;
      readonly namespace: string;
      readonly name: string;
      readonly uid: string;
      /** 0 = remove now; undefined = the kind's own grace (pods: terminationGracePeriodSeconds). */
      readonly gracePeriodSeconds?: number;
    };

export interface Decision {
  readonly changes: readonly Change[];
  /** When to look again although nothing changed, ms since the epoch (a timeout that will expire). */
  readonly wakeAt?: number;
}

/** Pure: same state and time, same decision. Run again until no controller has changes left. */
export interface Controller {
  readonly name: string;
  decide(state: ClusterState, now: number): Decision;
}
