import type { AssignmentSettings } from '../node/assignment.ts';
import type { ClusterState } from './types.ts';

/** What a cluster's owner may tune: the ConfigMap `cluster-settings` in `terrane-system`, one key a setting, all in whole seconds. */
export interface ClusterSettings extends AssignmentSettings {
  /** A host that was silent for so long is NotReady. */
  readonly notReadySeconds: number;
  /** Pods without a toleration of their own leave a host that is NotReady for so long. */
  readonly evictionSeconds: number;
}

export const SETTINGS_NAMESPACE = 'terrane-system';
export const SETTINGS_NAME = 'cluster-settings';

export const DEFAULT_SETTINGS: ClusterSettings = {
  reportSeconds: 20,
  pollSeconds: 300,
  notReadySeconds: 60,
  evictionSeconds: 60,
};

/** Least values: below them a host could not keep up. */
const LEAST: ClusterSettings = { reportSeconds: 1, pollSeconds: 5, notReadySeconds: 3, evictionSeconds: 0 };
const MOST_SECONDS = 86_400;

/** Values that are missing or no whole seconds in range are the defaults'. */
export function settingsOf(state: Pick<ClusterState, 'get'>): ClusterSettings {
  const data = state.get('ConfigMap', SETTINGS_NAMESPACE, SETTINGS_NAME)?.data ?? {};
  const read = (name: keyof ClusterSettings): number => {
    const text = data[name];
    if (text === undefined || !/^\d{1,6}$/.test(text)) return DEFAULT_SETTINGS[name];
    const seconds = Number(text);
    return seconds >= LEAST[name] && seconds <= MOST_SECONDS ? seconds : DEFAULT_SETTINGS[name];
  };
  return {
    reportSeconds: read('reportSeconds'),
    pollSeconds: read('pollSeconds'),
    notReadySeconds: read('notReadySeconds'),
    evictionSeconds: read('evictionSeconds'),
  };
}
