import { findKind, kinds } from '../resources/kinds/index.ts';
import type { AnyResource } from '../resources/schema/kinds.ts';
import type { OwnerReference } from '../resources/schema/meta.ts';
import { Draft } from './draft.ts';
import { withOwners } from './ownership.ts';
import type { ClusterState, Controller } from './types.ts';

const FOREGROUND = 'foregroundDeletion';

/**
 * Deletes what has lost all its owners. Owners that are being deleted in the foreground wait for their dependents.
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 */
export const garbageCollector: Controller = {
  name: 'garbage-collector',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    for (const { kind } of kinds) {
      draft.forEach(state.list(kind) as readonly AnyResource[], (object) => {
        if (object.metadata.ownerReferences?.length) collect(state, draft, object, object.metadata.ownerReferences);
        if (isWaiting(object)) finishForeground(state, draft, object);
      });
    }
    return draft.finish();
  },
};

function collect(state: ClusterState, draft: Draft, object: AnyResource, owners: OwnerReference[]): void {
  if (object.metadata.deletionTimestamp) return;
  const found = owners.map((reference) => ({ reference, ...find(state, object, reference) }));
  const solid = found.filter(({ gone, owner }) => !gone && !(owner && isWaiting(owner)));
  if (solid.length === owners.length) return;
  // Someone still wants it: it only forgets those who don't.
  if (solid.length > 0)
    return draft.update(
      withOwners(
        object,
        solid.map(({ reference }) => reference),
      ),
    );
  const waiting = found.some(({ owner }) => owner && isWaiting(owner));
  draft.delete(object, { propagationPolicy: waiting ? 'Foreground' : 'Background' });
  const names = owners.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  draft.because(object, 'Normal', 'OwnerDeleted', `Deleted, because its owner ${names} was deleted`);
}

/** An owner of a kind that isn't served here can't be looked up: what can't be known to be gone isn't. */
function find(state: ClusterState, object: AnyResource, reference: OwnerReference): { gone: boolean; owner?: AnyResource } {
  if (!findKind(reference.apiVersion, reference.kind)) return { gone: false };
  const owner = state.byUid(reference.uid);
  if (!owner || owner.kind !== reference.kind || owner.metadata.name !== reference.name) return { gone: true };
  // Owners in another namespace don't count: uids must not be a way to touch other people's objects.
  const { namespace } = owner.metadata;
  return namespace && namespace !== object.metadata.namespace ? { gone: true } : { gone: false, owner };
}

function isWaiting({ metadata }: AnyResource): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FOREGROUND) === true;
}

function finishForeground(state: ClusterState, draft: Draft, owner: AnyResource): void {
  const { uid, namespace, finalizers = [] } = owner.metadata;
  const blocking = state
    .dependents(uid)
    .filter(({ metadata }) => !namespace || metadata.namespace === namespace)
    .some(({ metadata }) => metadata.ownerReferences?.some((reference) => reference.uid === uid && reference.blockOwnerDeletion));
  if (blocking) return;
  const metadata = { ...owner.metadata, finalizers: finalizers.filter((finalizer) => finalizer !== FOREGROUND) };
  draft.update({ ...owner, metadata } as AnyResource);
}
