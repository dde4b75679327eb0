import { unreachableMark } from '../../node/fencing.ts';
import { Draft } from '../draft.ts';
import { LISTENING_SINCE_ANNOTATION, LISTENING_SINCE_NAMESPACE } from '../listening-since.ts';
import { settingsOf } from '../settings.ts';
import type { ClusterState, Controller } from '../types.ts';
import { nodeSilentAt } from './silence.ts';

/**
 * Notices that the control plane was away: a host should have been given up for longer than `lateMs`, and nobody did. Then nobody listened either,
 * and each host has a host timeout from now on. Runs before all that goes by that. It forgives each silence once: who is not heard then is gone.
 */
export function awayController(lateMs: number): Controller {
  return {
    name: 'node-controller',
    decide(state, now) {
      const draft = new Draft(this.name, now);
      const namespace = state.get('Namespace', '', LISTENING_SINCE_NAMESPACE);
      const late = namespace && lateBy(state, now);
      if (late !== undefined && late > lateMs) {
        const annotations = { ...namespace!.metadata.annotations, [LISTENING_SINCE_ANNOTATION]: new Date(now).toISOString() };
        draft.update({ ...namespace!, metadata: { ...namespace!.metadata, annotations } });
        const seconds = settingsOf(state).notReadySeconds;
        const message = `Hosts could not be heard for a while, as far as can be told from here: none is given up for that, and each has ${seconds} s from now on`;
        draft.because(namespace!, 'Warning', 'ControlPlaneWasAway', message);
      }
      return draft.finish();
    },
  };
}

/** So long ago the first of the hosts fell silent that nobody has given up, nor forgiven since it was heard, ms. */
function lateBy(state: ClusterState, now: number): number {
  const settings = settingsOf(state);
  let first = now;
  for (const node of state.list('Node')) {
    const { name, deletionTimestamp } = node.metadata;
    const heard = state.heartbeats.get(name);
    if (!heard || deletionTimestamp || unreachableMark(node) || heard.at < state.listeningSince) continue;
    first = Math.min(first, nodeSilentAt(state, name, settings, now) ?? now);
  }
  return now - first;
}
