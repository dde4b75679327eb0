import type { HaltReason } from '../updates/model.ts';
import type { Heartbeat } from '../node/heartbeat.ts';
import type { Event } from '../resources/schema/event.ts';
import type { AnyResource, KindMap, KindName } from '../resources/schema/kinds.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { Unit } from '../resources/schema/unit.ts';

/**
 * What a controller may look at: the whole cluster at one revision, and when each host was last heard of.
 * The objects are shared: treat them as frozen, and copy before changing. Lists are in the order of their keys.
 */
export interface ClusterState {
  readonly revision: number;
  list<K extends KindName>(kind: K): readonly KindMap[K][];
  /** `namespace` is '' for cluster-scoped kinds. */
  get<K extends KindName>(kind: K, namespace: string, name: string): KindMap[K] | undefined;
  byUid(uid: string): AnyResource | undefined;
  /** Objects whose controlling ownerReference is `uid`. */
  ownedBy<K extends KindName>(kind: K, uid: string): readonly KindMap[K][];
  /** Objects with any ownerReference to `uid`, controlling or not, of every kind. */
  dependents(uid: string): readonly AnyResource[];
  /** Objects of `namespace` without a controlling ownerReference: a controller with a matching selector may adopt them. */
  orphans<K extends KindName>(kind: K, namespace: string): readonly KindMap[K][];
  inNamespace(namespace: string): readonly AnyResource[];
  /** Pods whose spec.nodeName is `nodeName`, whether or not that Node exists. */
  podsOn(nodeName: string): readonly Pod[];
  /** Units that have a host entry of `nodeName`, on their way out too, whether or not that Node exists. */
  unitsOn(nodeName: string): readonly Unit[];
  /** By node name. Not in the log. */
  readonly heartbeats: ReadonlyMap<string, Heartbeat>;
  /** The heartbeats were read after everything up to this revision was committed. */
  readonly heardAsOf: number;
  /**
   * Since when the control plane has listened by a clock that went steadily, as far as it can tell, ms since the epoch; 0: nothing else is known. What
   * the log says of times before can't be subtracted from now (core/controllers/wait.ts).
   */
  readonly listeningSince: number;
}

/** An object to be created: the store gives it uid, resourceVersion and creationTimestamp. */
export type NewResource<T extends AnyResource = AnyResource> = T extends AnyResource
  ? Omit<T, 'metadata'> & { metadata: Partial<T['metadata']> & { namespace?: string } }
  : never;

/** A decision as data. */
export type Change =
  | { readonly verb: 'create'; readonly object: NewResource }
  /**
   * The reason of the change right before it, as an Event. Not written if that change was refused or changed nothing, so
   * that explaining alone never keeps the controllers from coming to rest. One that exists already is counted up.
   */
  | { readonly verb: 'explain'; readonly object: NewResource<Event> }
  /** Replaces spec and metadata; status stays. */
  | { readonly verb: 'update'; readonly object: AnyResource }
  /** Replaces status only. */
  | { readonly verb: 'updateStatus'; readonly object: AnyResource }
  /** Replaces all of it: for what must not be seen by halves. */
  | { readonly verb: 'updateAll'; readonly object: AnyResource }
  /** Halts an UpdateGroup, and says why. */
  | { readonly verb: 'haltUpdates'; readonly group: string; readonly reason: HaltReason; readonly message: string }
  /** A host of an UpdateGroup has held a slot of its reboot lock for too long. */
  | { readonly verb: 'giveUpOnReboot'; readonly group: string; readonly holder: string }
  | {
      readonly verb: 'delete';
      readonly kind: KindName;
      readonly namespace: string;
      readonly name: string;
      readonly uid: string;
      /** 0 = remove now; undefined = the kind's own grace (pods: terminationGracePeriodSeconds). */
      readonly gracePeriodSeconds?: number;
      /** Default Background. */
      readonly propagationPolicy?: 'Background' | 'Foreground';
    };

/** An object that a controller could not deal with. It doesn't keep the others from being dealt with. */
export interface Problem {
  readonly controller: string;
  readonly object?: AnyResource;
  readonly message: string;
}

export interface Decision {
  readonly changes: readonly Change[];
  /** When to look again although nothing changed, ms since the epoch (a timeout that will expire). */
  readonly wakeAt?: number;
  readonly problems?: readonly Problem[];
}

/** Pure: same state and time, same decision. Run again until no controller has changes left. */
export interface Controller {
  readonly name: string;
  decide(state: ClusterState, now: number): Decision;
}
