import type { AssignmentSettings } from '../node/assignment.ts';
import { AFTER_GRACE_SECONDS } from '../node/fencing.ts';
import { type FieldError, invalidValue } from '../resources/field-error.ts';
import { dnsSettingsProblems } from '../network/dns/dns-settings.ts';
import { serviceCidrProblems } from '../network/service-cidr.ts';
import { SETTINGS_NAME, SETTINGS_NAMESPACE } from './settings-name.ts';
import type { ClusterState } from './types.ts';

/** What a cluster's owner may tune: the ConfigMap `cluster-settings` in `terrane-system`, one key a setting, all in whole seconds. */
export interface ClusterSettings extends AssignmentSettings {
  /** The node timeout (core/node/node-timeout.ts). A host that should have been heard of so long ago is NotReady; its fenced pods may be placed elsewhere. */
  readonly notReadySeconds: number;
  /** Other pods without a toleration of their own leave a host that is NotReady for so long. */
  readonly evictionSeconds: number;
}

export { SETTINGS_NAME, SETTINGS_NAMESPACE };

type SettingName = 'reportSeconds' | 'pollSeconds' | 'notReadySeconds' | 'evictionSeconds' | 'renewSeconds' | 'fencedStopSeconds';

const DEFAULTS = { reportSeconds: 300, pollSeconds: 300, notReadySeconds: 60, evictionSeconds: 60 };
/** Least values: below them a host could not keep up. */
const LEAST: Record<SettingName, number> = {
  reportSeconds: 1,
  pollSeconds: 5,
  notReadySeconds: 3,
  evictionSeconds: 0,
  renewSeconds: 1,
  fencedStopSeconds: 2,
};
const MOST_SECONDS = 86_400;
const NAMES = Object.keys(LEAST) as SettingName[];

/**
 * Between the moment a host begins to stop its fenced work and the one from which it may start elsewhere. Half of it at most is for stopping, a second
 * at least; the rest for what may come late (AFTER_GRACE_SECONDS), and for a host's clock that runs slow (a fifth: more than any clock that counts at all).
 */
const MARGIN = { leastSeconds: 1 + AFTER_GRACE_SECONDS, part: 1 / 5 };

export const DEFAULT_SETTINGS: ClusterSettings = settingsFrom({}).settings;

/** Values that are missing or no whole seconds in range are the defaults'; times that would let fenced work run twice all are. */
export function settingsOf(state: Pick<ClusterState, 'get'>): ClusterSettings {
  return settingsFrom(state.get('ConfigMap', SETTINGS_NAMESPACE, SETTINGS_NAME)?.data ?? {}).settings;
}

/** What is wrong with a settings ConfigMap: refused when it is written. */
export function settingsProblems(data: Readonly<Record<string, string>>): readonly FieldError[] {
  return [...settingsFrom(data).problems, ...serviceCidrProblems(data.serviceCidr), ...dnsSettingsProblems(data)];
}

function settingsFrom(data: Readonly<Record<string, string>>): { settings: ClusterSettings; problems: FieldError[] } {
  const problems: FieldError[] = [];
  const given: Partial<Record<SettingName, number>> = {};
  for (const name of NAMES) {
    const text = data[name];
    if (text === undefined) continue;
    const seconds = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (seconds >= LEAST[name] && seconds <= MOST_SECONDS) given[name] = seconds;
    else problems.push(invalidValue(`data.${name}`, text, `must be whole seconds, from ${LEAST[name]} to ${MOST_SECONDS}`));
  }
  const settings = completed(given);
  const unsafe = timingProblem(settings);
  if (unsafe === undefined) return { settings, problems };
  problems.push(unsafe);
  const { notReadySeconds: _n, renewSeconds: _r, fencedStopSeconds: _f, ...rest } = given;
  return { settings: completed(rest), problems };
}

/** Who sets only the host timeout gets a lease that fits: renewed three times in it, given up after two thirds, or as much sooner as is safe. */
function completed(given: Partial<Record<SettingName, number>>): ClusterSettings {
  const notReadySeconds = given.notReadySeconds ?? DEFAULTS.notReadySeconds;
  const stopWithin = Math.min(Math.floor((notReadySeconds * 2) / 3), notReadySeconds - MARGIN.leastSeconds);
  const fencedStopSeconds = given.fencedStopSeconds ?? Math.max(LEAST.fencedStopSeconds, stopWithin);
  const renewWithin = Math.min(Math.floor(notReadySeconds / 3), Math.floor(fencedStopSeconds / 2));
  const renewSeconds = given.renewSeconds ?? Math.max(LEAST.renewSeconds, renewWithin);
  const margin = notReadySeconds - fencedStopSeconds;
  return {
    ...DEFAULTS,
    ...given,
    notReadySeconds,
    renewSeconds,
    fencedStopSeconds,
    fencedGraceSeconds: Math.max(0, Math.min(Math.floor(margin / 2), margin - AFTER_GRACE_SECONDS)),
  };
}

function timingProblem({ notReadySeconds, renewSeconds, fencedStopSeconds }: ClusterSettings): FieldError | undefined {
  if (renewSeconds * 2 > fencedStopSeconds) {
    return invalidValue(
      'data.fencedStopSeconds',
      fencedStopSeconds,
      `must be at least twice renewSeconds (${renewSeconds}), or one lost report would stop fenced work`,
    );
  }
  const margin = Math.max(MARGIN.leastSeconds, Math.ceil(notReadySeconds * MARGIN.part));
  if (notReadySeconds - fencedStopSeconds >= margin) return undefined;
  return invalidValue(
    'data.notReadySeconds',
    notReadySeconds,
    `must be at least ${margin} more than fencedStopSeconds (${fencedStopSeconds}), or fenced pods could run on two hosts: raise notReadySeconds or lower fencedStopSeconds`,
  );
}
