import type { ClusterState } from '../../core/controllers/types.ts';
import { SETTINGS_NAME, SETTINGS_NAMESPACE } from '../../core/controllers/settings.ts';
import { REGISTRY_FROM } from '../../core/controllers/state.ts';
import type { ChangeEvent } from '../../core/keyspace/types.ts';
import { participationOf } from '../../core/network/assigned-to.ts';
import { referencesOf } from '../../core/node/pod-references.ts';
import { changesPolicies } from '../../core/node/policy-change.ts';
import { changesRouting } from '../../core/node/routing-change.ts';
import { decodeResource } from '../../core/resources/codec.ts';
import { equalJson } from '../../core/resources/equal.ts';
import type { AnyResource } from '../../core/resources/schema/kinds.ts';
import type { ConfigMap } from '../../core/resources/schema/config-map.ts';
import type { Secret } from '../../core/resources/schema/secret.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';

/**
 * The nodes whose assignment these changes may have altered. What a host reported itself concerns no host, but for its part in the
 * pods' network, which concerns all that take part. `state` is the cluster after the changes.
 */
export function nodesConcerned(events: readonly ChangeEvent[], state: ClusterState): Set<string> {
  const nodes = new Set<string>();
  for (const { type, kv, prev } of events) {
    if (!kv.key.startsWith(REGISTRY_FROM)) continue;
    const before = prev && decodeResource(prev);
    const after = type === 'put' ? decodeResource(kv) : undefined;
    const object = after ?? before;
    if (changesPolicies(before, after, state)) return everyNode(state);
    if (partOf(before) !== partOf(after)) for (const node of participants(state)) nodes.add(node);
    if (!object || (before && after && sameForHosts(before, after))) continue;
    if (changesRouting(before, after)) return everyNode(state);
    for (const node of nodesOf(object, state)) nodes.add(node);
    // A pod's node never changes, but one that was deleted and made anew under the same name may be elsewhere.
    if (before?.kind === 'Pod' && before.spec.nodeName) nodes.add(before.spec.nodeName);
    if (before?.kind === 'Unit') for (const node of nodesOf(before, state)) nodes.add(node);
  }
  return nodes;
}

function everyNode(state: ClusterState): Set<string> {
  return new Set(state.list('Node').map(({ metadata }) => metadata.name));
}

const partOf = (object: AnyResource | undefined) => (object?.kind === 'Node' ? participationOf(object) : undefined);

function participants(state: ClusterState): string[] {
  return state.list('Node').flatMap(({ metadata, status }) => (status?.network ? [metadata.name] : []));
}

function sameForHosts(before: AnyResource, after: AnyResource): boolean {
  return equalJson(withoutStatus(before), withoutStatus(after));
}

function withoutStatus(object: AnyResource): unknown {
  // Where it is, and whether it is to leave, stands in a unit's status; what its hosts say of it is theirs.
  if (object.kind === 'Unit')
    return { ...object, status: placesOf(object), metadata: { ...object.metadata, resourceVersion: undefined } };
  const ended = object.kind === 'Pod' && (object.status?.phase === 'Succeeded' || object.status?.phase === 'Failed');
  return { ...object, status: ended, metadata: { ...object.metadata, resourceVersion: undefined } };
}

function placesOf({ status }: Unit): unknown {
  return status?.hosts?.map(({ nodeName, placement, fenced, leaving, uid }) => [nodeName, placement, fenced, leaving, uid]);
}

function nodesOf(object: AnyResource, state: ClusterState): Iterable<string> {
  switch (object.kind) {
    case 'Pod':
      return object.spec.nodeName ? [object.spec.nodeName] : [];
    case 'Node':
      return [object.metadata.name];
    case 'Unit':
      return (object.status?.hosts ?? []).map(({ nodeName }) => nodeName);
    case 'Network':
      return state.list('Node').map((node) => node.metadata.name);
    case 'ConfigMap':
    case 'Secret':
      return nodesThatRead(object, state);
    case 'UpdateGroup':
      return object.spec.hosts ? state.list('Node').map(({ metadata }) => metadata.name) : [];
    default:
      return [];
  }
}

function nodesThatRead({ kind, metadata }: ConfigMap | Secret, state: ClusterState): string[] {
  const { namespace = '', name } = metadata;
  if (kind === 'ConfigMap' && namespace === SETTINGS_NAMESPACE && name === SETTINGS_NAME) return [...everyNode(state)];
  return state.list('Pod').flatMap((pod) => {
    if (!pod.spec.nodeName || pod.metadata.namespace !== namespace) return [];
    const { configMaps, secrets } = referencesOf(pod.spec);
    return (kind === 'ConfigMap' ? configMaps : secrets).has(name) ? [pod.spec.nodeName] : [];
  });
}
