import type { TxnView } from '../../keyspace/types.ts';
import { prefixEnd, resourcePrefix } from '../codec.ts';
import { type KindDefinition, kindByName, kinds } from '../kinds/index.ts';
import type { AnyResource } from '../schema/kinds.ts';
import type { WriteContext } from './context.ts';
import { getResource, keyOf } from './read.ts';

/** Takes an object out of the log's state, and with the last object of a namespace that is being deleted the namespace. */
function remove(txn: TxnView, definition: KindDefinition, object: AnyResource): void {
  const { namespace, name } = object.metadata;
  txn.delete(keyOf(definition, namespace, name));
  if (namespace === undefined) return;
  const home = getResource(txn, 'Namespace', '', namespace);
  if (home && mayGo(txn, home)) txn.delete(keyOf(kindByName('Namespace') as KindDefinition, undefined, namespace));
}

/** Removes an object whose deletion was only waiting for finalizers, once there are none. Returns whether it did. */
export function removeIfDone(txn: TxnView, definition: KindDefinition, object: AnyResource, _ctx: WriteContext): boolean {
  if (!mayGo(txn, object)) return false;
  remove(txn, definition, object);
  return true;
}

function mayGo(txn: TxnView, object: AnyResource): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers, name } = object.metadata;
  if (!deletionTimestamp || (finalizers?.length ?? 0) > 0) return false;
  // A pod's containers are still being stopped: its host reports when they are gone.
  if (object.kind === 'Pod') return deletionGracePeriodSeconds === 0;
  return object.kind !== 'Namespace' || isEmpty(txn, name);
}

function isEmpty(txn: TxnView, namespace: string): boolean {
  return kinds.every((definition) => {
    if (!definition.namespaced) return true;
    const prefix = resourcePrefix(definition.group, definition.plural, namespace);
    return txn.range(prefix, prefixEnd(prefix)).next().done === true;
  });
}
