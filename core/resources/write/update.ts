import { cloneJson } from '../clone.ts';
import type { TxnView } from '../../keyspace/types.ts';
import { checkTypes } from '../decode.ts';
import { equalJson } from '../equal.ts';
import { type KindDefinition, apiVersionOf, findKind } from '../kinds/index.ts';
import type { AnyResource } from '../schema/kinds.ts';
import { badRequest, conflict, invalid, notFound } from '../status.ts';
import type { WriteContext } from './context.ts';
import { validateMetadata } from './metadata.ts';
import { getResource, store } from './read.ts';
import { removeIfDone } from './remove.ts';

export interface UpdateOptions {
  /** `status`: only the status is taken from the object. Otherwise everything but the status, if the kind has that sub-resource. */
  readonly subresource?: 'status';
}

/**
 * Replaces an object. A resourceVersion in it must be the stored one (leave it out to overwrite whatever is there). What the server
 * owns (uid, timestamps, generation) is taken from the stored object. Changes nothing if nothing differs. An object that is being
 * deleted goes away when the update takes its last finalizer.
 * Throws NotFound, Conflict, BadRequest, Invalid.
 */
export function updateResource<T extends AnyResource>(
  txn: TxnView,
  object: T,
  ctx: WriteContext,
  options: UpdateOptions = {},
): T {
  const definition = findKind(object.apiVersion, object.kind);
  if (!definition) throw badRequest(`no kind "${object.kind}" is served in version "${object.apiVersion}"`);
  const { namespace, name } = object.metadata;
  const stored = getResource(txn, definition.kind, namespace ?? '', name);
  if (!stored) throw notFound(definition, name);
  checkPreconditions(definition, object, stored);
  const next = merged(definition, object, stored, options);
  checkTypes(definition, next, name);
  definition.defaults(next);
  if (options.subresource !== 'status') definition.admitUpdate?.(next, stored, txn);
  if (equalJson(next, stored)) return cloneJson(stored) as T;
  if (definition.countsGenerations && !sameGeneration(next, stored))
    next.metadata.generation = (stored.metadata.generation ?? 0) + 1;
  const errors =
    options.subresource === 'status'
      ? []
      : [
          ...validateMetadata(definition, next),
          ...definition.validate(next),
          ...definition.validateUpdate(next, stored),
          ...finalizerErrors(next, stored),
        ];
  if (errors.length > 0) throw invalid(definition, name, errors);
  store(txn, definition, next);
  removeIfDone(txn, definition, next, ctx);
  return next as T;
}

function checkPreconditions(definition: KindDefinition, object: AnyResource, stored: AnyResource): void {
  const { name, resourceVersion, uid } = object.metadata;
  if (resourceVersion && resourceVersion !== stored.metadata.resourceVersion)
    throw conflict(
      definition,
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    );
  if (uid && uid !== stored.metadata.uid)
    throw conflict(
      definition,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored.metadata.uid}`,
    );
}

/** A private copy of what shall be stored. */
function merged(definition: KindDefinition, object: AnyResource, stored: AnyResource, options: UpdateOptions): AnyResource {
  const hasStatus = definition.subresources.includes('status');
  if (options.subresource === 'status') {
    const { status } = object as { status?: unknown };
    return cloneJson({ ...stored, status: status ?? {} } as AnyResource);
  }
  const next = cloneJson({ ...object, apiVersion: apiVersionOf(definition), kind: definition.kind } as AnyResource);
  if (hasStatus) {
    delete (next as { status?: unknown }).status;
    const { status } = stored as { status?: unknown };
    if (status !== undefined) (next as { status?: unknown }).status = cloneJson(status);
  }
  const { generateName, generation, deletionTimestamp, deletionGracePeriodSeconds, ...own } = stored.metadata;
  const { labels, annotations, ownerReferences, finalizers } = next.metadata;
  next.metadata = {
    name: own.name,
    ...(generateName && { generateName }),
    ...(own.namespace !== undefined && { namespace: own.namespace }),
    uid: own.uid,
    resourceVersion: own.resourceVersion,
    ...(generation !== undefined && { generation }),
    creationTimestamp: own.creationTimestamp,
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(ownerReferences && { ownerReferences }),
    ...(finalizers && { finalizers }),
  };
  return next;
}

function sameGeneration(next: AnyResource, stored: AnyResource): boolean {
  return equalJson({ ...next, metadata: undefined, status: undefined }, { ...stored, metadata: undefined, status: undefined });
}

/** Deletion can't be held up any more once it has begun. */
function finalizerErrors(next: AnyResource, stored: AnyResource) {
  if (!stored.metadata.deletionTimestamp) return [];
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !stored.metadata.finalizers?.includes(finalizer));
  return added.length === 0
    ? []
    : [
        {
          reason: 'FieldValueForbidden',
          field: 'metadata.finalizers',
          message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
        },
      ];
}
