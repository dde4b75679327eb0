import type { Deployment } from '../resources/schema/deployment.ts';
import type { Event } from '../resources/schema/event.ts';
import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type { Unit } from '../resources/schema/unit.ts';
import { eventAt, inOrder } from './event-order.ts';
import { podTrouble } from './pod-trouble.ts';
import { rolloutState } from './rollout-state.ts';
import { unitSummary } from './unit-summary.ts';
import type { WorkloadSummary } from './workload-summary.ts';

export type { WorkloadSummary } from './workload-summary.ts';

export interface ClusterObjects {
  readonly nodes: readonly Node[];
  readonly deployments: readonly Deployment[];
  readonly pods: readonly Pod[];
  /** Not looked at, if they aren't given. */
  readonly units?: readonly Unit[];
  /** Events of type Warning. */
  readonly warnings: readonly Event[];
}

export interface NodeSummary {
  readonly name: string;
  readonly state: 'Ready' | 'NotReady' | 'Unknown';
  readonly cordoned: boolean;
  readonly pods: number;
  /** Why it isn't ready. */
  readonly why?: string;
}

export interface StatusSummary {
  readonly healthy: boolean;
  readonly nodes: readonly NodeSummary[];
  readonly workloads: readonly WorkloadSummary[];
  /** Recent warnings about things that still are not well. */
  readonly warnings: readonly WarningSummary[];
}

export interface WarningSummary {
  readonly object: string;
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly at: string;
}

const RECENT_MS = 15 * 60_000;
const WARNINGS_MAX = 8;

/** What a person wants to know first. Pure. */
export function summarise(objects: ClusterObjects, now: number): StatusSummary {
  const nodes = objects.nodes.map((node) => nodeSummary(node, objects.pods));
  const workloads = [
    ...objects.deployments.map((deployment) => deploymentSummary(deployment, objects.pods)),
    ...lonePods(objects.pods),
    ...(objects.units ?? []).flatMap((unit) => unitSummary(unit) ?? []),
  ];
  const healthy =
    nodes.length > 0 && nodes.every(({ state }) => state === 'Ready') && workloads.every((workload) => workload.healthy);
  return { healthy, nodes, workloads, warnings: healthy ? [] : recentWarnings(objects.warnings, now) };
}

function nodeSummary({ metadata, spec, status }: Node, pods: readonly Pod[]): NodeSummary {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const state = ready?.status === 'True' ? 'Ready' : ready?.status === 'False' ? 'NotReady' : 'Unknown';
  const others = (status?.conditions ?? []).filter(({ type, status }) => type !== 'Ready' && status === 'True');
  const why = [...(state === 'Ready' ? [] : [ready ?? { reason: 'NoReportYet', message: undefined }]), ...others]
    .map(({ reason, message }) => [reason, message].filter(Boolean).join(': '))
    .join('; ');
  return {
    name: metadata.name,
    state,
    cordoned: spec?.unschedulable ?? false,
    pods: pods.filter((pod) => pod.spec.nodeName === metadata.name).length,
    ...(why ? { why } : {}),
  };
}

function deploymentSummary(deployment: Deployment, pods: readonly Pod[]): WorkloadSummary {
  const { metadata, spec, status } = deployment;
  const state = rolloutState(deployment);
  const own = pods.filter(
    (pod) => pod.metadata.namespace === metadata.namespace && hasLabels(pod, spec.selector.matchLabels ?? {}),
  );
  const failure = status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  const why = [...own.map(podTrouble), failure?.message].filter((reason) => reason !== undefined);
  return {
    kind: 'Deployment',
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    ready: status?.readyReplicas ?? 0,
    wanted: spec.replicas ?? 1,
    healthy: state.done && why.length === 0,
    state: spec.paused ? `paused, ${state.words}` : state.words,
    why: [...new Set(why)],
  };
}

/** Pods that no controller owns, but for those that have ended well. */
function lonePods(pods: readonly Pod[]): WorkloadSummary[] {
  return pods
    .filter(
      ({ metadata, status }) => !metadata.ownerReferences?.some(({ controller }) => controller) && status?.phase !== 'Succeeded',
    )
    .map((pod) => {
      const { metadata, spec, status } = pod;
      const ready = status?.containerStatuses?.filter((container) => container.ready).length ?? 0;
      const trouble = podTrouble(pod);
      return {
        kind: 'Pod' as const,
        namespace: metadata.namespace ?? 'default',
        name: metadata.name,
        ready,
        wanted: spec.containers.length,
        healthy: status?.phase === 'Running' && ready === spec.containers.length && !trouble,
        state: metadata.deletionTimestamp ? 'ending' : (status?.phase ?? 'Pending'),
        why: trouble ? [trouble] : [],
      };
    });
}

function hasLabels({ metadata }: Pod, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value);
}

/** Newest first, one for each object and reason. */
function recentWarnings(events: readonly Event[], now: number): WarningSummary[] {
  const seen = new Set<string>();
  return events
    .filter((event) => now - Date.parse(eventAt(event)) < RECENT_MS)
    .sort((a, b) => inOrder(b, a))
    .map((event) => ({
      object: [event.involvedObject.kind?.toLowerCase(), event.involvedObject.name].filter(Boolean).join('/'),
      reason: event.reason ?? '',
      message: event.message ?? '',
      at: eventAt(event),
    }))
    .filter(({ object, reason }) => {
      const key = `${object} ${reason}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    })
    .slice(0, WARNINGS_MAX);
}
