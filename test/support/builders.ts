import type { HostEvent, PodReport, Report } from '../../core/node/report.ts';
import type { InboxItem } from '../../core/ports/inbox.ts';
import type { Deployment } from '../../core/resources/schema/deployment.ts';
import type { ObjectMeta, OwnerReference } from '../../core/resources/schema/meta.ts';
import type { Node, NodeStatus, Taint } from '../../core/resources/schema/node.ts';
import type { Container, Pod, PodSpec, PodStatus, Toleration } from '../../core/resources/schema/pod.ts';

/** Objects for tests: valid, small, and each test names only what it is about. */

/** 2026-01-01T00:00:00Z: tests start here and move on by hand. */
export const T0 = Date.UTC(2026, 0, 1);
export const SECOND = 1_000;

let serial = 0;

export function meta(name: string, given: Partial<ObjectMeta> = {}): ObjectMeta {
  serial++;
  return { name, uid: `uid-${serial}`, resourceVersion: '1', creationTimestamp: new Date(T0).toISOString(), ...given };
}

export interface PodOptions {
  readonly namespace?: string;
  readonly nodeName?: string;
  readonly requests?: Record<string, string>;
  readonly nodeSelector?: Record<string, string>;
  readonly tolerations?: Toleration[];
  readonly hostPort?: number;
  readonly labels?: Record<string, string>;
  readonly owner?: string;
  readonly status?: PodStatus;
  readonly spec?: Partial<PodSpec>;
}

export function container(name: string, given: Partial<Container> = {}): Container {
  return { name, image: 'app:1', ...given };
}

/** A stored pod. `owner` is the uid of a ReplicaSet. */
export function pod(name: string, options: PodOptions = {}): Pod {
  const { namespace = 'default', nodeName, requests, nodeSelector, tolerations, hostPort, labels, owner, status, spec } = options;
  const ownerReferences: OwnerReference[] | undefined = owner
    ? [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: owner, controller: true }]
    : undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(name, { namespace, ...(labels && { labels }), ...(ownerReferences && { ownerReferences }) }),
    spec: {
      containers: [
        container('app', {
          ...(requests && { resources: { requests } }),
          ...(hostPort && { ports: [{ containerPort: hostPort, hostPort }] }),
        }),
      ],
      ...(nodeName && { nodeName }),
      ...(nodeSelector && { nodeSelector }),
      ...(tolerations && { tolerations }),
      ...spec,
    },
    status: status ?? { phase: 'Pending' },
  };
}

export interface NodeOptions {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly labels?: Record<string, string>;
  readonly taints?: Taint[];
  readonly unschedulable?: boolean;
  readonly ready?: 'True' | 'False' | 'Unknown';
}

export function node(name: string, options: NodeOptions = {}): Node {
  const { labels, taints, unschedulable } = options;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: meta(name, { labels: { 'kubernetes.io/hostname': name, ...labels } }),
    spec: { ...(taints && { taints }), ...(unschedulable && { unschedulable }) },
    status: nodeStatus(options),
  };
}

export function nodeStatus({ cpu = '4', memory = '8Gi', pods = '110', ready = 'True' }: NodeOptions = {}): NodeStatus {
  const allocatable = { cpu, memory, pods };
  const lastTransitionTime = new Date(T0).toISOString();
  return {
    capacity: allocatable,
    allocatable,
    conditions: [{ type: 'Ready', status: ready, reason: 'AgentReady', lastTransitionTime }],
  };
}

export interface DeploymentOptions {
  readonly namespace?: string;
  readonly replicas?: number;
  readonly image?: string;
  readonly spec?: Partial<Omit<Deployment['spec'], 'selector' | 'template'>>;
  readonly podSpec?: Partial<PodSpec>;
  readonly annotations?: Record<string, string>;
}

/** As a person would apply it: to be created, not stored. Selector and pod label: `app=<name>`. */
export function deployment(name: string, options: DeploymentOptions = {}) {
  const { namespace = 'default', replicas = 3, image = 'app:1', spec, podSpec, annotations } = options;
  return {
    apiVersion: 'apps/v1' as const,
    kind: 'Deployment' as const,
    metadata: { name, namespace, ...(annotations && { annotations }) },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [container('app', { image })], ...podSpec } },
      ...spec,
    },
  };
}

export function report(given: Partial<Report> = {}): Report {
  return {
    agentVersion: '0.1.0',
    bootId: 'boot-1',
    observedRevision: 0,
    node: nodeStatus(),
    labels: {},
    pods: [],
    events: [],
    ...given,
  };
}

export function heard(nodeName: string, receivedAt: number, given: Partial<Report> = {}): InboxItem {
  return { nodeName, receivedAt, report: report({ labels: { 'kubernetes.io/hostname': nodeName }, ...given }) };
}

export function podReport({ metadata }: Pod, status: PodStatus, gone?: boolean): PodReport {
  return { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid, status, ...(gone && { gone }) };
}

export function hostEvent(id: string, given: Partial<HostEvent> = {}): HostEvent {
  return { id, at: T0, type: 'Normal', reason: 'Pulled', message: 'Pulled image', ...given };
}

/** Running, and ready or not. */
export function running(ready: boolean): PodStatus {
  return { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] };
}
