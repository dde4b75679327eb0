import type { Pod } from '../resources/schema/pod.ts';

/** States that every pod passes through on its way. */
const USUAL = new Set(['ContainerCreating', 'PodInitializing', 'Completed']);

/** Why a pod isn't running as it should, in one line; undefined when nothing is wrong or it is just starting. */
export function podTrouble({ metadata, status }: Pod): string | undefined {
  // What is ending ends with whatever code it likes.
  if (metadata.deletionTimestamp) return undefined;
  if (status?.phase === 'Failed') return [status.reason ?? 'Failed', status.message].filter(Boolean).join(': ');
  const unplaced = status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unplaced && !metadata.deletionTimestamp)
    return `${unplaced.reason ?? 'Unschedulable'}: ${unplaced.message ?? 'no node fits'}`;
  for (const container of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
    const { waiting, terminated } = container.state;
    if (waiting?.reason && !USUAL.has(waiting.reason)) {
      const last = container.lastState?.terminated;
      const ended = last ? ` (last ended with ${last.reason ?? `exit code ${last.exitCode}`})` : '';
      return `${container.name}: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}${ended}`;
    }
    if (terminated && terminated.exitCode !== 0)
      return `${container.name}: ${terminated.reason ?? 'Error'}, exit code ${terminated.exitCode}`;
  }
  return undefined;
}
