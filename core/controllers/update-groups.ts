import type { UpdateGroup } from '../resources/schema/update-group.ts';
import { policyOf } from '../updates/settings.ts';
import { unhealthyDeployment, unreadyPods } from '../updates/workload-health.ts';
import { Draft } from './draft.ts';
import { parseTime, timestamp } from './time.ts';
import type { ClusterState, Controller } from './types.ts';

/**
 * What time and the cluster do to rollouts, without a host that asks: a host that doesn't come back, or a cluster that gets worse, halts
 * its group. What hosts do is decided when they ask (core/updates/check.ts).
 */
export const updateGroupController: Controller = {
  name: 'update-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    draft.forEach(state.list('UpdateGroup'), (group) => {
      // One change of its status at a time.
      if (tellPause(draft, group)) return;
      watchReboots(draft, group, now);
      if (!group.status?.halted) watchHealth(state, draft, group, now);
    });
    return draft.finish();
  },
};

function watchReboots(draft: Draft, group: UpdateGroup, now: number): void {
  const { timeout } = policyOf(group);
  for (const { id, since, draining } of group.status?.reboots ?? []) {
    // A halted group has said what there is to say of hosts that went down; one that is drained for nothing is still let go.
    if (group.status?.halted && !draining) continue;
    // Times in resources are rounded down to the second.
    const lateAt = (parseTime(since) ?? 0) + 1000 + timeout;
    if (lateAt < now) draft.giveUpOnReboot(group.metadata.name, id);
    else draft.wakeAt(lateAt + 1);
  }
}

/** A rollout is given the blame for what got worse while it went on, if it stays so. */
function watchHealth(state: ClusterState, draft: Draft, group: UpdateGroup, now: number): void {
  const { unhealthyFor } = policyOf(group);
  const { status = {} } = group;
  if (unhealthyFor === undefined || status.version === undefined) return;
  const deployments = state.list('Deployment');
  const before = status.unreadyBefore ?? 0;
  const unready = unreadyPods(deployments);
  const since = parseTime(status.unhealthySince);
  if (unready <= before) {
    const { unhealthySince, ...rest } = status;
    if (unhealthySince !== undefined) draft.updateStatus({ ...group, status: rest });
    return;
  }
  if (since === undefined) {
    draft.updateStatus({ ...group, status: { ...status, unhealthySince: timestamp(now) } });
    draft.because(group, 'Warning', 'ClusterUnhealthy', `${unhealthyDeployment(deployments)}; ${missing(unready, before)}`);
    draft.wakeAt(now + unhealthyFor);
    return;
  }
  const begun = (status.underWay ?? 0) > 0 || (status.reboots ?? []).length > 0;
  if (now < since + unhealthyFor) draft.wakeAt(since + unhealthyFor);
  else if (begun)
    draft.haltUpdates(
      group.metadata.name,
      'ClusterUnhealthy',
      `${unhealthyDeployment(deployments)}; ${missing(unready, before)}`,
    );
}

const missing = (unready: number, before: number): string =>
  `${unready} pods are missing in all, ${before} were when the rollout began`;

function tellPause(draft: Draft, group: UpdateGroup): boolean {
  const { paused = false } = group.spec;
  const { status = {} } = group;
  if (paused === (status.paused ?? false)) return false;
  const { paused: _, ...rest } = status;
  draft.updateStatus({ ...group, status: paused ? { ...rest, paused } : rest });
  draft.because(group, 'Normal', paused ? 'Paused' : 'Unpaused', paused ? 'nothing is given to anybody' : 'the group goes on');
  return true;
}
