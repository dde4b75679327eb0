import { isFenced } from '../../node/fencing.ts';
import type { Heartbeat } from '../../node/heartbeat.ts';
import { ASKED_AGAIN_ANNOTATION, ASKED_ANNOTATION, nodeTimeout } from '../../node/node-timeout.ts';
import type { Node } from '../../resources/schema/node.ts';
import type { Pod } from '../../resources/schema/pod.ts';
import { findCondition, withCondition } from '../conditions.ts';
import { Draft } from '../draft.ts';
import { isFinished, isReady } from '../pod-state.ts';
import { HOST_FINALIZER } from '../fold-node.ts';
import { type ClusterSettings, settingsOf } from '../settings.ts';
import { parseTime } from '../time.ts';
import type { ClusterState, Controller } from '../types.ts';
import { countedFrom } from '../wait.ts';
import { lastLeaseOverAt, withLastLease } from './last-lease.ts';
import { nodeSilentAt } from './silence.ts';
import { askAgainAt, askedSince, firstAskAt, type Suspected, suspectedNodes } from './suspicion.ts';
import { fencedUnitsOn } from '../units/hosts.ts';
import { missingTaints } from './taints.ts';

const NEVER_HEARD = 'The host has joined, but never reported.';
const RELEASE_MS = 10_000;
const SILENT = 'The host stopped reporting.';

/** Notices hosts that fell silent, and marks nodes with what is wrong with them. */
export const nodeHealthController: Controller = {
  name: 'node-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    const settings = settingsOf(state);
    const suspected = suspectedNodes(state);
    draft.forEach(state.list('Node'), (node) => reconcile(state, draft, node, suspected.get(node.metadata.name), settings, now));
    return draft.finish();
  },
};

function reconcile(
  state: ClusterState,
  draft: Draft,
  node: Node,
  suspected: Suspected | undefined,
  settings: ClusterSettings,
  now: number,
): void {
  const { name, creationTimestamp } = node.metadata;
  const heard = state.heartbeats.get(name);
  if (node.metadata.deletionTimestamp) return release(state, draft, node, settings, now);
  const silentAt =
    nodeSilentAt(state, name, settings, now) ??
    countedFrom(parseTime(creationTimestamp) ?? now, state, now) + settings.notReadySeconds * 1000;
  const silent = silentAt <= now;
  draft.wakeAt(silentAt);

  const before = findCondition(node.status?.conditions, 'Ready')?.status;
  const ready = silent ? 'Unknown' : before;
  const taints = missingTaints(node, ready, now);
  if (taints) draft.update({ ...node, spec: { ...node.spec, taints } });
  else if (!silent && heard) question(draft, node, askedSince(node, state, now), heard, suspected, settings, now);
  if (!silent) return;
  for (const pod of state.podsOn(name)) markLost(draft, pod, now);
  if (before === 'Unknown') return;
  draft.updateStatus({ ...node, status: { ...node.status, conditions: unknownConditions(node, heard !== undefined, now) } });
  draft.because(node, 'Warning', 'NodeNotReady', `Node ${name} status is now: NodeNotReady (${heard ? SILENT : NEVER_HEARD})`);
}

/** Asks the host for a report, if its peers suspect that it is gone: by a change of its Node, so that it is told of that as of any other. */
function question(
  draft: Draft,
  node: Node,
  asked: number | undefined,
  heard: Heartbeat,
  suspected: Suspected | undefined,
  settings: ClusterSettings,
  now: number,
): void {
  const { name, annotations = {} } = node.metadata;
  const at = new Date(now).toISOString();
  const again = askAgainAt(node, asked, heard, settings);
  if (again !== undefined) {
    if (now < again) draft.wakeAt(again);
    else draft.update({ ...node, metadata: { ...node.metadata, annotations: { ...annotations, [ASKED_AGAIN_ANNOTATION]: at } } });
    return;
  }
  const askAt = suspected && firstAskAt(asked, heard, suspected, settings);
  if (!suspected || askAt === undefined) return;
  if (now < askAt) draft.wakeAt(askAt);
  else {
    const { [ASKED_AGAIN_ANNOTATION]: _, ...rest } = annotations;
    draft.update({ ...node, metadata: { ...node.metadata, annotations: { ...rest, [ASKED_ANNOTATION]: at } } });
    const within = nodeTimeout(settings).answerMs / 1000;
    const by = suspected.by.join(', ');
    const message = `Node ${name} no longer answers ${by}: it is asked for a report, and is NotReady if none comes within ${within} s`;
    draft.because(node, 'Warning', 'NodeSuspected', message);
  }
}

/**
 * Lets a deleted Node go once its host is out: its report is gone from the inbox. One that is still there a while later was
 * not shut out, or has joined again: it gets a new Node. With fenced pods or units it stays until its last lease has surely run out (a deleted
 * Node's is not renewed), because then they start elsewhere.
 */
function release(state: ClusterState, draft: Draft, node: Node, settings: ClusterSettings, now: number): void {
  const { name, deletionTimestamp, finalizers = [] } = node.metadata;
  if (!finalizers.includes(HOST_FINALIZER)) return;
  const deletedAt = countedFrom(parseTime(deletionTimestamp) ?? 0, state, now);
  const mayReport = state.heartbeats.has(name);
  const fenced = state.podsOn(name).filter((pod) => isFenced(pod) && !isFinished(pod));
  const isFencedThere = fenced.length > 0 || fencedUnitsOn(state, name).length > 0;
  const leaseOverAt = isFencedThere ? lastLeaseOverAt(state, node, settings, now) : 0;
  if (leaseOverAt === undefined) {
    // Deleted while this was decided: what was heard is from before.
    if (Number(node.metadata.resourceVersion) > state.heardAsOf) return draft.wakeAt(now + 1);
    return draft.update(withLastLease(state, node, settings, now));
  }
  const outBy = Math.max(mayReport ? deletedAt + RELEASE_MS : 0, leaseOverAt);
  if (now < outBy) return draft.wakeAt(outBy);
  for (const pod of fenced) {
    draft.delete(pod, { gracePeriodSeconds: 0 });
    draft.because(pod, 'Warning', 'NodeRemoved', `Node ${name} was removed, and its last lease has run out`);
  }
  const metadata = { ...node.metadata, finalizers: finalizers.filter((finalizer) => finalizer !== HOST_FINALIZER) };
  draft.update({ ...node, metadata });
}

/** Nothing is known any more of anything that the host said of itself. */
function unknownConditions(node: Node, wasHeard: boolean, now: number) {
  const reason = wasHeard ? 'NodeStatusUnknown' : 'NodeStatusNeverUpdated';
  const message = wasHeard ? SILENT : NEVER_HEARD;
  const types = new Set(['Ready', ...(node.status?.conditions ?? []).map(({ type }) => type)]);
  let conditions = node.status?.conditions ?? [];
  for (const type of types) conditions = withCondition(conditions, { type, status: 'Unknown', reason, message }, now);
  return conditions;
}

/** A pod on a silent host may run or not: nobody should be sent to it, and no rollout may count on it. */
function markLost(draft: Draft, pod: Pod, now: number): void {
  if (isFinished(pod)) return;
  const deleting = pod.metadata.deletionTimestamp !== undefined;
  const lost = deleting
    ? { reason: 'NodeLost', message: `Node ${pod.spec.nodeName} which was running the pod is unresponsive` }
    : {};
  if (!isReady(pod) && (!deleting || pod.status?.reason === lost.reason)) return;
  const condition = { type: 'Ready', status: 'False', reason: 'NodeNotReady', message: SILENT } as const;
  const conditions = isReady(pod) ? withCondition(pod.status?.conditions, condition, now) : pod.status?.conditions;
  draft.updateStatus({ ...pod, status: { ...pod.status, ...(conditions && { conditions }), ...lost } });
  if (!deleting) draft.because(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
}
