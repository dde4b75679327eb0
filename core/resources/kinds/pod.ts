import { cloneJson } from '../clone.ts';
import { equalJson } from '../equal.ts';
import { type FieldError, forbiddenField } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { podSpecAdvice } from '../pod-spec/advice.ts';
import { defaultPodSpec, defaultRequests } from '../pod-spec/defaults.ts';
import { admitPriority } from '../pod-spec/priority.ts';
import { qosClass } from '../pod-spec/qos.ts';
import { validatePodSpec } from '../pod-spec/validate.ts';
import { type Pod, podSchema } from '../schema/pod.ts';
import { FENCED_ANNOTATION, isFenced } from '../../node/fencing.ts';
import { fencedOrNot } from './fenced.ts';
import { age, ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

export const podKind: KindDefinition<'Pod'> = {
  kind: 'Pod',
  group: '',
  version: 'v1',
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'log', 'eviction'],
  schema: podSchema,
  description: 'A group of containers that run together on one host.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  prepareCreate(pod) {
    pod.status = { phase: 'Pending', qosClass: qosClass(pod.spec) };
  },
  defaults(pod) {
    defaultPodSpec(pod.spec);
    defaultRequests(pod.spec);
    pod.spec.enableServiceLinks ??= true;
  },
  admit: admitPriority,
  validate: (pod) => [...validatePodSpec(pod.spec, 'spec'), ...fencedOrNot(pod.metadata, 'metadata')],
  validateUpdate: (next, previous) => [...unchangedSpec(next, previous), ...unchangedFencing(next, previous)],
  advice: (pod) => podSpecAdvice(pod.spec, 'spec'),
  selectableFields: [
    { field: 'spec.nodeName', value: (pod) => pod.spec.nodeName ?? '' },
    { field: 'spec.restartPolicy', value: (pod) => pod.spec.restartPolicy ?? '' },
    { field: 'spec.schedulerName', value: (pod) => pod.spec.schedulerName ?? '' },
    { field: 'spec.serviceAccountName', value: (pod) => pod.spec.serviceAccountName ?? '' },
    { field: 'spec.hostNetwork', value: (pod) => String(pod.spec.hostNetwork ?? false) },
    { field: 'status.phase', value: (pod) => pod.status?.phase ?? '' },
    { field: 'status.podIP', value: (pod) => pod.status?.podIP ?? '' },
  ],
  columns: [
    nameColumn,
    {
      name: 'Ready',
      type: 'string',
      description: 'Containers that are ready, of all.',
      cell: (pod) => `${readyCount(pod)}/${pod.spec.containers.length}`,
    },
    { name: 'Status', type: 'string', description: 'What the pod is doing, or why it is not.', cell: podReason },
    { name: 'Restarts', type: 'string', description: 'How often containers were restarted, and when last.', cell: restarts },
    ageColumn,
    { name: 'IP', type: 'string', priority: 1, description: 'Address of the pod.', cell: (pod) => pod.status?.podIP || '<none>' },
    {
      name: 'Node',
      type: 'string',
      priority: 1,
      description: 'Host it was placed on.',
      cell: (pod) => pod.spec.nodeName || '<none>',
    },
    {
      name: 'Nominated Node',
      type: 'string',
      priority: 1,
      description: 'The node that is kept for it while less important pods end there.',
      cell: (pod) => pod.status?.nominatedNodeName || '<none>',
    },
    { name: 'Readiness Gates', type: 'string', priority: 1, description: 'Always empty: not supported.', cell: () => '<none>' },
  ],
};

/**
 * A pod's spec is fixed once it exists, because its containers were started from it. What may change: images,
 * activeDeadlineSeconds (only shorter), tolerations (only more), and nodeName once, which is what placing it means.
 */
function unchangedSpec(next: Pod, previous: Pod): FieldError[] {
  const comparable = cloneJson(next.spec);
  for (const list of ['containers', 'initContainers'] as const)
    comparable[list]?.forEach((container, index) => {
      const before = previous.spec[list]?.[index];
      if (before) container.image = before.image;
    });
  if (!previous.spec.nodeName) comparable.nodeName = previous.spec.nodeName;
  const deadline = next.spec.activeDeadlineSeconds;
  if (deadline !== undefined && deadline <= (previous.spec.activeDeadlineSeconds ?? Number.POSITIVE_INFINITY))
    comparable.activeDeadlineSeconds = previous.spec.activeDeadlineSeconds;
  const kept = (previous.spec.tolerations ?? []).every((toleration) =>
    next.spec.tolerations?.some((other) => equalJson(other, toleration)),
  );
  if (kept) comparable.tolerations = previous.spec.tolerations;
  if (equalJson(comparable, previous.spec)) return [];
  return [
    forbiddenField(
      'spec',
      'pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, ' +
        '`spec.activeDeadlineSeconds` or `spec.tolerations` (only additions). Delete the pod and create it anew, or change the template of its owner.',
    ),
  ];
}

/** A host that hasn't heard of the change yet would go on by the old rule, and the control plane by the new one. */
function unchangedFencing(next: Pod, previous: Pod): FieldError[] {
  if (isFenced(next) === isFenced(previous)) return [];
  return [
    forbiddenField(
      `metadata.annotations[${FENCED_ANNOTATION}]`,
      'may not change once the pod exists. Delete the pod and create it anew, or change the template of its owner.',
    ),
  ];
}

function readyCount(pod: Pod): number {
  return pod.status?.containerStatuses?.filter((status) => status.ready && status.state.running).length ?? 0;
}

/** The STATUS column: the most telling reason, as kubectl shows it. */
function podReason(pod: Pod): string {
  let reason = pod.status?.reason || pod.status?.phase || 'Unknown';
  const initStatuses = pod.status?.initContainerStatuses ?? [];
  let initializing = false;
  for (const [index, { state }] of initStatuses.entries()) {
    if (state.terminated?.exitCode === 0) continue;
    initializing = true;
    if (state.terminated) reason = `Init:${terminatedReason(state.terminated)}`;
    else if (state.waiting?.reason && state.waiting.reason !== 'PodInitializing') reason = `Init:${state.waiting.reason}`;
    else reason = `Init:${index}/${pod.spec.initContainers?.length ?? initStatuses.length}`;
    break;
  }
  if (!initializing) {
    let running = false;
    for (const { state, ready } of [...(pod.status?.containerStatuses ?? [])].reverse()) {
      if (state.waiting?.reason) reason = state.waiting.reason;
      else if (state.terminated) reason = terminatedReason(state.terminated);
      else if (ready && state.running) running = true;
    }
    if (reason === 'Completed' && running) reason = 'Running';
  }
  if (pod.metadata.deletionTimestamp) return pod.status?.reason === 'NodeLost' ? 'Unknown' : 'Terminating';
  return reason;
}

function terminatedReason(terminated: { reason?: string; signal?: number; exitCode: number }): string {
  return terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`);
}

function restarts(pod: Pod, nowMs: number): string {
  let count = 0;
  let last: string | undefined;
  for (const status of [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]) {
    count += status.restartCount;
    const finished = status.lastState?.terminated?.finishedAt;
    if (finished && (!last || finished > last)) last = finished;
  }
  return count > 0 && last ? `${count} (${age(last, nowMs)} ago)` : String(count);
}
