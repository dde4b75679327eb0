import type { PodReport } from '../node/report.ts';
import { equalJson } from '../resources/equal.ts';
import type { Pod, PodStatus } from '../resources/schema/pod.ts';
import { findCondition, withCondition } from './conditions.ts';
import type { Draft } from './draft.ts';
import { type AddressCheck, withOwnAddresses } from './pod-addresses.ts';
import { isFinished } from './pod-state.ts';
import type { Tell } from './tell-once.ts';

/** What its host says of a pod that is bound to it. */
export function foldPod(
  draft: Draft,
  pod: Pod,
  { status, gone }: PodReport,
  check: AddressCheck,
  tell: Tell,
  receivedAt: number,
  now: number,
): void {
  if (gone) {
    // Only a deletion can end: of a pod that shall run, `gone` is a mistake, and the host will start it again.
    if (pod.metadata.deletionTimestamp) draft.delete(pod, { gracePeriodSeconds: 0 });
    return;
  }
  const { own, refused } = withOwnAddresses(check, pod, status);
  for (const [address, why] of refused)
    tell(
      pod,
      'PodAddressRefused',
      `Node ${pod.spec.nodeName} reports the address ${address} for the pod, and that is not used: it ${why}`,
    );
  const next = statusFrom(pod, own, Math.min(receivedAt, now));
  // What has ended has ended: a late report must not bring it back.
  if (isFinished(pod) && next.phase !== pod.status?.phase) return;
  if (!equalJson(next, pod.status)) draft.updateStatus({ ...pod, status: next });
}

function statusFrom(pod: Pod, reported: PodStatus, at: number): PodStatus {
  const before = pod.status ?? {};
  // Whether it was placed is the scheduler's to say, its class follows from its spec.
  const scheduled = findCondition(before.conditions, 'PodScheduled');
  let conditions = scheduled ? [scheduled] : [];
  for (const { lastTransitionTime: _t, lastProbeTime: _p, lastHeartbeatTime: _h, ...condition } of reported.conditions ?? []) {
    if (condition.type === 'PodScheduled') continue;
    const same = before.conditions?.filter(({ type }) => type === condition.type);
    conditions = [...conditions.filter(({ type }) => type !== condition.type), withCondition(same, condition, at)[0]!];
  }
  const startTime = before.startTime ?? reported.startTime;
  return {
    ...reported,
    conditions,
    ...(startTime !== undefined && { startTime }),
    ...(before.qosClass && { qosClass: before.qosClass }),
  };
}
