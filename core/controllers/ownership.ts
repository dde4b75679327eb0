import type { AnyResource, KindMap, KindName } from '../resources/schema/kinds.ts';
import type { LabelSelector, OwnerReference } from '../resources/schema/meta.ts';
import { matchesSelector } from '../resources/selectors.ts';
import type { Draft } from './draft.ts';
import type { ClusterState } from './types.ts';

/** Which objects a controller's object may call its own: https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/ */

export function controllerReference({ apiVersion, kind, metadata }: AnyResource): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
}

export function controllerOf(object: AnyResource): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller);
}

/**
 * The owner's objects of `kind`. Those whose labels left the selector are released (a person took one out to look at it),
 * ownerless ones that match are adopted; both are changes of their metadata that are decided here.
 */
export function claim<K extends 'Pod' | 'ReplicaSet'>(
  state: ClusterState,
  draft: Draft,
  owner: KindMap[KindName] & { spec: { selector: LabelSelector } },
  kind: K,
  mayAdopt: (object: KindMap[K]) => boolean = () => true,
): KindMap[K][] {
  const { selector } = owner.spec;
  const owned: KindMap[K][] = [];
  for (const object of state.ownedBy(kind, owner.metadata.uid)) {
    if (object.metadata.deletionTimestamp || matchesSelector(selector, object.metadata.labels)) owned.push(object);
    else if (!owner.metadata.deletionTimestamp) draft.update(withOwners(object, ownersWithout(object, owner.metadata.uid)));
  }
  // An empty selector would take everything in the namespace.
  if (owner.metadata.deletionTimestamp || isEmpty(selector)) return owned;
  for (const object of state.orphans(kind, owner.metadata.namespace ?? '')) {
    if (object.metadata.deletionTimestamp || !matchesSelector(selector, object.metadata.labels) || !mayAdopt(object)) continue;
    const adopted = withOwners(object, [...ownersWithout(object, owner.metadata.uid), controllerReference(owner)]);
    draft.update(adopted);
    owned.push(adopted);
  }
  return owned;
}

function ownersWithout(object: AnyResource, uid: string): OwnerReference[] {
  return (object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
}

export function withOwners<T extends AnyResource>(object: T, ownerReferences: OwnerReference[]): T {
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}

function isEmpty({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}
