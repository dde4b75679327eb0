import type { EventInput } from '../event-log.ts';
import type { Verdict } from '../node/conditions.ts';
import type { FollowerState } from './follower.ts';
import type { Journal } from './machine.ts';

/** What people are told when an update goes a step further, if it is worth an Event. */
export function happeningOf(before: Journal, after: Journal): EventInput | undefined {
  if (before.phase === after.phase) return undefined;
  const { update, follows, failure } = after;
  const version = update?.version ?? before.update?.version ?? '';
  const group = `group ${follows.group}`;
  switch (after.phase) {
    case 'download':
      return { type: 'Normal', reason: 'UpdateStarted', message: `Updating to ${version} (${follows.driver}, ${group})` };
    case 'turn':
      return {
        type: 'Normal',
        reason: 'UpdateStaged',
        message: `${version} is written; waiting for a slot to disturb this host`,
      };
    case 'boot':
      return { type: 'Normal', reason: 'UpdateReboot', message: `Starting into ${version}` };
    case 'rollback':
      return { type: 'Warning', reason: 'UpdateFailed', message: `${version}: ${failure?.message ?? ''}` };
    case 'boot-back':
      return { type: 'Warning', reason: 'UpdateRollback', message: `Going back from ${version}` };
    case 'recover':
      return { type: 'Warning', reason: 'UpdateOver', message: `${version} is given up: ${failure?.message ?? ''}` };
    case 'return':
      return before.phase === 'confirm'
        ? { type: 'Normal', reason: 'UpdateCompleted', message: `Runs ${version}, and is well` }
        : undefined;
    case 'idle':
      return before.phase === 'download' || before.phase === 'stage'
        ? { type: 'Warning', reason: 'UpdateFailed', message: `${version}: ${failure?.message ?? ''}` }
        : undefined;
    default:
      return undefined;
  }
}

const MESSAGE_MAX = 1500;

/** Conditions of the node. Hosts that follow no group have none. */
export function updateVerdicts(states: readonly FollowerState[]): Verdict[] {
  const following = states.filter(({ follows, phase }) => follows !== undefined || phase !== 'idle');
  if (following.length === 0) return [];
  return [pendingVerdict(following), failedVerdict(following)];
}

function pendingVerdict(states: readonly FollowerState[]): Verdict {
  const type = 'RebootPending';
  const pending = states.find(
    ({ phase, follows }) => follows?.driver !== 'agent' && ['turn', 'activate', 'boot', 'boot-back'].includes(phase),
  );
  if (!pending)
    return { type, status: 'False', reason: 'NothingPending', message: 'no update waits for this host to be disturbed' };
  const { phase, target = '', waiting } = pending;
  if (phase === 'turn')
    return { type, status: 'True', reason: 'WaitsForTurn', message: `${target} is written${waiting ? `; ${waiting}` : ''}` };
  return {
    type,
    status: 'True',
    reason: 'Rebooting',
    message: phase === 'boot-back' ? `going back from ${target}` : `starting into ${target}`,
  };
}

function failedVerdict(states: readonly FollowerState[]): Verdict {
  const type = 'UpdateFailed';
  const unable = states.find(({ problem }) => problem !== undefined);
  if (unable?.problem !== undefined) return { type, status: 'True', reason: 'DriverUnavailable', message: unable.problem };
  const failed = states.find(({ failure }) => failure !== undefined)?.failure;
  if (!failed) return { type, status: 'False', reason: 'NoFailure', message: 'the last update went well, or there was none' };
  const reason = failed.error[0]!.toUpperCase() + failed.error.slice(1);
  return { type, status: 'True', reason, message: `${failed.version}: ${failed.message}`.slice(0, MESSAGE_MAX) };
}
