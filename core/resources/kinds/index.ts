import type { KindName } from '../schema/kinds.ts';
import { configMapKind } from './config-map.ts';
import type { KindDefinition, ReadableKind } from './definition.ts';
import { deploymentKind } from './deployment.ts';
import { endpointSliceKind } from './endpoint-slice.ts';
import { eventKind } from './event.ts';
import { namespaceKind } from './namespace.ts';
import { networkKind } from './network.ts';
import { networkPolicyKind } from './network-policy.ts';
import { nodeKind } from './node.ts';
import { podKind } from './pod.ts';
import { podDisruptionBudgetKind } from './pod-disruption-budget.ts';
import { priorityClassKind } from './priority-class.ts';
import { replicaSetKind } from './replica-set.ts';
import { secretKind } from './secret.ts';
import { serviceKind } from './service.ts';
import { unitKind } from './unit.ts';
import { updateChannelKind } from './update-channel.ts';
import { updateGroupKind } from './update-group.ts';
import { updatePackageKind } from './update-package.ts';

export type { Cell, KindDefinition, ReadableKind } from './definition.ts';

const byName: { readonly [K in KindName]: KindDefinition<K> } = {
  Namespace: namespaceKind,
  Node: nodeKind,
  Pod: podKind,
  Service: serviceKind,
  EndpointSlice: endpointSliceKind,
  NetworkPolicy: networkPolicyKind,
  ConfigMap: configMapKind,
  Secret: secretKind,
  Event: eventKind,
  Deployment: deploymentKind,
  ReplicaSet: replicaSetKind,
  PodDisruptionBudget: podDisruptionBudgetKind,
  PriorityClass: priorityClassKind,
  Unit: unitKind,
  Network: networkKind,
  UpdatePackage: updatePackageKind,
  UpdateChannel: updateChannelKind,
  UpdateGroup: updateGroupKind,
};

/** Every kind there is. */
export const kinds: readonly KindDefinition[] = Object.values(byName) as KindDefinition[];

export function kindByName<K extends KindName>(kind: K): KindDefinition<K> {
  return byName[kind];
}

/** For text from outside: undefined if there is no such kind in that API version (`v1`, `apps/v1`). */
export function findKind(apiVersion: string, kind: string): KindDefinition | undefined {
  return kinds.find((definition) => definition.kind === kind && apiVersionOf(definition) === apiVersion);
}

/** As a URL names it. */
export function kindByPlural(group: string, version: string, plural: string): KindDefinition | undefined {
  return kinds.find((definition) => definition.group === group && definition.version === version && definition.plural === plural);
}

export function apiVersionOf(definition: Pick<ReadableKind, 'group' | 'version'>): string {
  return definition.group === '' ? definition.version : `${definition.group}/${definition.version}`;
}
