import { cloneJson } from '../clone.ts';
import type { TxnView } from '../../keyspace/types.ts';
import { checkTypes } from '../decode.ts';
import { type KindDefinition, apiVersionOf, kindByName } from '../kinds/index.ts';
import type { AnyResource, KindMap, KindName } from '../schema/kinds.ts';
import type { ObjectMeta } from '../schema/meta.ts';
import { alreadyExists, badRequest, invalid, notFound, StatusError } from '../status.ts';
import { timestamp } from '../timestamp.ts';
import type { WriteContext } from './context.ts';
import { generateName } from './generate-name.ts';
import { validateMetadata } from './metadata.ts';
import { getResource, keyOf, store } from './read.ts';

/**
 * Creates an object: fills in name (from generateName), uid, creationTimestamp, generation and the kind's defaults, drops what
 * only the server may set, validates, writes. `object` isn't changed; its namespace must be set for namespaced kinds.
 * Throws BadRequest (wrong type, resourceVersion set), Invalid, AlreadyExists, NotFound (no such namespace), Forbidden (it is being deleted,
 * or the kind refuses it).
 */
export function createResource<K extends KindName>(txn: TxnView, kind: K, object: object, ctx: WriteContext): KindMap[K] {
  const definition = kindByName(kind) as KindDefinition;
  const draft = cloneJson(object) as AnyResource;
  draft.apiVersion = apiVersionOf(definition) as AnyResource['apiVersion'];
  draft.kind = kind;
  // Whatever a copied manifest says of its status: the first one is the server's.
  if (definition.prepareCreate) delete (draft as { status?: unknown }).status;
  checkTypes(definition, draft, draft.metadata?.name ?? draft.metadata?.generateName ?? '');
  if (draft.metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  draft.metadata = newMetadata(definition, draft.metadata, txn, ctx);
  const { namespace, name } = draft.metadata;
  if (namespace !== undefined) requireOpenNamespace(txn, definition, namespace, name);
  definition.defaults(draft);
  definition.admit?.(draft, txn);
  const errors = [...validateMetadata(definition, draft), ...definition.validate(draft)];
  if (errors.length > 0) throw invalid(definition, name, errors);
  // Last, because the first status may follow from a spec that is right.
  definition.prepareCreate?.(draft);
  if (txn.get(keyOf(definition, namespace, name))) throw alreadyExists(definition, name);
  return store(txn, definition, draft) as KindMap[K];
}

function newMetadata(definition: KindDefinition, given: Partial<ObjectMeta>, txn: TxnView, ctx: WriteContext): ObjectMeta {
  const { name, generateName: base, namespace, labels, annotations, ownerReferences, finalizers } = given;
  if (!name && !base)
    throw invalid(definition, '', [
      { reason: 'FieldValueRequired', field: 'metadata.name', message: 'Required value: name or generateName is required' },
    ]);
  if (definition.namespaced && !namespace)
    throw invalid(definition, name ?? '', [
      { reason: 'FieldValueRequired', field: 'metadata.namespace', message: 'Required value' },
    ]);
  return {
    name: name || freeName(definition, namespace, base!, txn, ctx),
    ...(base && { generateName: base }),
    ...(definition.namespaced && { namespace }),
    uid: ctx.newUid(),
    resourceVersion: '',
    ...(definition.countsGenerations && { generation: 1 }),
    creationTimestamp: timestamp(ctx.now),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(ownerReferences && { ownerReferences }),
    ...(finalizers && { finalizers }),
  };
}

/** Tries a few suffixes: with 14 million of them a second collision in a row means that something else is wrong. */
function freeName(
  definition: KindDefinition,
  namespace: string | undefined,
  base: string,
  txn: TxnView,
  ctx: WriteContext,
): string {
  let name = '';
  for (let attempt = 0; attempt < 8; attempt++) {
    name = generateName(base, ctx.newUid());
    if (!txn.get(keyOf(definition, namespace, name))) return name;
  }
  return name;
}

function requireOpenNamespace(txn: TxnView, definition: KindDefinition, namespace: string, name: string): void {
  const found = getResource(txn, 'Namespace', '', namespace);
  if (!found) throw notFound(kindByName('Namespace'), namespace);
  if (!found.metadata.deletionTimestamp) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw new StatusError('Forbidden', `${definition.plural} "${name}" is forbidden: ${why}`, {
    name,
    ...(definition.group && { group: definition.group }),
    kind: definition.plural,
    causes: [
      { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' },
    ],
  });
}
