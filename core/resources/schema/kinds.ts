import type { ConfigMap } from './config-map.ts';
import type { Deployment } from './deployment.ts';
import type { EndpointSlice } from './endpoint-slice.ts';
import type { Event } from './event.ts';
import type { Namespace } from './namespace.ts';
import type { Network } from './network.ts';
import type { NetworkPolicy } from './network-policy.ts';
import type { Node } from './node.ts';
import type { Pod } from './pod.ts';
import type { PodDisruptionBudget } from './pod-disruption-budget.ts';
import type { PriorityClass } from './priority-class.ts';
import type { ReplicaSet } from './replica-set.ts';
import type { Secret } from './secret.ts';
import type { Service } from './service.ts';
import type { Unit } from './unit.ts';
import type { UpdateChannel } from './update-channel.ts';
import type { UpdateGroup } from './update-group.ts';
import type { UpdatePackage } from './update-package.ts';

/** Kind name -> its stored type. Adding a kind adds a line here and in core/resources/kinds. */
export interface KindMap {
  Namespace: Namespace;
  Node: Node;
  Pod: Pod;
  Service: Service;
  EndpointSlice: EndpointSlice;
  NetworkPolicy: NetworkPolicy;
  ConfigMap: ConfigMap;
  Secret: Secret;
  Event: Event;
  Deployment: Deployment;
  ReplicaSet: ReplicaSet;
  PodDisruptionBudget: PodDisruptionBudget;
  PriorityClass: PriorityClass;
  Unit: Unit;
  Network: Network;
  UpdatePackage: UpdatePackage;
  UpdateChannel: UpdateChannel;
  UpdateGroup: UpdateGroup;
}

export type KindName = keyof KindMap;
export type AnyResource = KindMap[KindName];
