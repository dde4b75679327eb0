import { cloneJson } from '../clone.ts';
import type { TxnView } from '../../keyspace/types.ts';
import { type KindDefinition, kindByName, kinds } from '../kinds/index.ts';
import { SYSTEM_NAMESPACES } from '../namespaces.ts';
import type { AnyResource, KindMap, KindName } from '../schema/kinds.ts';
import type { Pod } from '../schema/pod.ts';
import { conflict, forbidden, notFound } from '../status.ts';
import { timestamp } from '../timestamp.ts';
import type { WriteContext } from './context.ts';
import { getResource, listResources, store } from './read.ts';
import { removeIfDone } from './remove.ts';

export interface DeleteOptions {
  /** Pods: how long their containers may take to stop. 0 = forget the pod now; its host kills what is left of it. Default: the pod's own. */
  readonly gracePeriodSeconds?: number;
  /**
   * What becomes of objects it owns. Background (default): the garbage collector deletes them afterwards. Orphan: they stay, without
   * this owner. Foreground: it waits with a finalizer until they are gone.
   */
  readonly propagationPolicy?: 'Background' | 'Orphan' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface DeleteResult<T extends AnyResource = AnyResource> {
  /** As it was last stored. */
  readonly object: T;
  /** False: it has a deletionTimestamp now and goes later. */
  readonly removed: boolean;
}

const EMPTIED_AT_ONCE = 100;
const FOREGROUND = 'foregroundDeletion';
/** A year: later than this is never, and what is much later has no date. Without a bound such a pod could not be deleted at all. */
const GRACE_SECONDS_MAX = 31_536_000;

/**
 * Deletes an object, or begins to: a pod on a host stays until its containers have stopped, an object with finalizers until they are
 * taken off, a namespace until it is empty (the first hundred objects in it are deleted in the same transaction, the rest by its controller).
 * Throws NotFound, Conflict (preconditions), Forbidden (system namespaces). `namespace` is '' for cluster-scoped kinds.
 */
export function deleteResource<K extends KindName>(
  txn: TxnView,
  kind: K,
  namespace: string,
  name: string,
  options: DeleteOptions,
  ctx: WriteContext,
): DeleteResult<KindMap[K]> {
  const definition = kindByName(kind) as KindDefinition;
  const stored = getResource(txn, kind as KindName, namespace, name);
  if (!stored) throw notFound(definition, name);
  checkPreconditions(definition, stored, options);
  if (kind === 'Namespace' && SYSTEM_NAMESPACES.includes(name))
    throw forbidden(definition, name, 'this namespace may not be deleted');
  if (options.propagationPolicy === 'Orphan') orphanDependents(txn, stored);
  const next = cloneJson(stored);
  const grace = kind === 'Pod' ? podGrace(stored as Pod, options.gracePeriodSeconds) : 0;
  markDeleted(next, grace, options, ctx);
  if (kind === 'Namespace') (next as KindMap['Namespace']).status = { phase: 'Terminating' };
  const changed = JSON.stringify(next) !== JSON.stringify(stored);
  if (changed) store(txn, definition, next);
  if (kind === 'Namespace') emptyNamespace(txn, name, ctx);
  const removed = removeIfDone(txn, definition, next, ctx) || getResource(txn, kind as KindName, namespace, name) === undefined;
  return { object: next as KindMap[K], removed };
}

function checkPreconditions(definition: KindDefinition, stored: AnyResource, { preconditions }: DeleteOptions): void {
  const { name, uid, resourceVersion } = stored.metadata;
  if (preconditions?.uid && preconditions.uid !== uid)
    throw conflict(
      definition,
      name,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    );
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion)
    throw conflict(
      definition,
      name,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
}

/** Nothing runs of a pod that has no host yet or that has ended: there is nothing to wait for. */
function podGrace(pod: Pod, asked: number | undefined): number {
  const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  if (!pod.spec.nodeName || ended) return 0;
  return Math.min(GRACE_SECONDS_MAX, Math.max(0, asked ?? pod.spec.terminationGracePeriodSeconds ?? 30));
}

/** Sets the deletion fields. A second deletion can only shorten the grace period. */
function markDeleted(object: AnyResource, grace: number, options: DeleteOptions, ctx: WriteContext): void {
  const { metadata } = object;
  if (options.propagationPolicy === 'Foreground' && !metadata.finalizers?.includes(FOREGROUND) && !metadata.deletionTimestamp)
    metadata.finalizers = [...(metadata.finalizers ?? []), FOREGROUND];
  const running = metadata.deletionTimestamp !== undefined;
  if (running && (metadata.deletionGracePeriodSeconds ?? 0) <= grace) return;
  metadata.deletionTimestamp = timestamp(ctx.now + grace * 1000);
  metadata.deletionGracePeriodSeconds = grace;
  if (metadata.generation !== undefined && !running) metadata.generation += 1;
}

/** Takes the owner off its dependents, so that the garbage collector leaves them alone. */
function orphanDependents(txn: TxnView, owner: AnyResource): void {
  const { uid, namespace } = owner.metadata;
  for (const definition of kinds) {
    for (const dependent of listResources(txn, definition.kind, namespace)) {
      if (!dependent.metadata.ownerReferences?.some((reference) => reference.uid === uid)) continue;
      const next = cloneJson(dependent);
      next.metadata.ownerReferences = next.metadata.ownerReferences!.filter((reference) => reference.uid !== uid);
      if (next.metadata.ownerReferences.length === 0) delete next.metadata.ownerReferences;
      store(txn, definition, next);
    }
  }
}

/** Small namespaces are gone at once. A transaction has a size: what is left is for the namespace controller. */
function emptyNamespace(txn: TxnView, namespace: string, ctx: WriteContext): void {
  let budget = EMPTIED_AT_ONCE;
  for (const definition of kinds) {
    if (!definition.namespaced) continue;
    for (const object of listResources(txn, definition.kind, namespace).slice(0, budget)) {
      deleteResource(txn, definition.kind, namespace, object.metadata.name, {}, ctx);
      budget--;
    }
  }
}
