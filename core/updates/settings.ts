import type { ReadView } from '../keyspace/types.ts';
import { parseDuration } from '../resources/go-duration.ts';
import type { UpdateGroup, UpdateWindow } from '../resources/schema/update-group.ts';
import type { UpdatePackage } from '../resources/schema/update-package.ts';
import { getResource, listResources } from '../resources/write.ts';
import type { Channel, Package, Policy, Rollout, Window } from './model.ts';

/** What people wrote, as the rules need it. Resources were checked when they were written. */

/** Application ids by the names that people use. */
const APPLICATIONS: Readonly<Record<string, string>> = { flatcar: 'e96281a6-d1af-4bde-9a0a-97b76e56dc57' };

/** One form for an application, however it is written: ids have no braces and are in lower case. */
export function applicationOf(text: string): string {
  const plain = text
    .trim()
    .replace(/^\{|\}$/g, '')
    .toLowerCase();
  return Object.keys(APPLICATIONS).find((name) => APPLICATIONS[name] === plain) ?? plain;
}

/** Flatcar and Container Linux run what they were given only after a reboot. */
export function rebootsIntoUpdates(application: string): boolean {
  return application === 'flatcar';
}

/** The group that an instance asks for: by a track, else by its name; undefined: there is none of that application. */
export function findGroup(view: ReadView, application: string, track: string): UpdateGroup | undefined {
  const groups = listResources(view, 'UpdateGroup').filter(({ spec }) => applicationOf(spec.application) === application);
  const wanted = track
    .trim()
    .replace(/^\{|\}$/g, '')
    .toLowerCase();
  return (
    groups.find(({ spec }) => spec.tracks?.some((name) => name.toLowerCase() === wanted)) ??
    groups.find(({ metadata }) => metadata.name === wanted)
  );
}

export function policyOf({ spec }: UpdateGroup): Policy {
  const { policy = {} } = spec;
  return {
    enabled: policy.enabled ?? true,
    paused: spec.paused ?? false,
    safeMode: policy.safeMode ?? true,
    updatesMax: policy.maxUpdatesPerPeriod ?? 1,
    period: duration(policy.period, '1h'),
    timeout: duration(policy.updateTimeout, '1h'),
    windows: windowsOf(policy.windows),
    rollout: rolloutOf(policy.rollout),
    halt:
      policy.halt?.failedPercent === undefined
        ? undefined
        : { failedPercent: policy.halt.failedPercent, afterFinished: policy.halt.afterFinished ?? 5 },
    unhealthyFor: policy.halt?.unhealthyFor === undefined ? undefined : duration(policy.halt.unhealthyFor, '5m'),
  };
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

export function windowsOf(windows: readonly UpdateWindow[] = []): Window[] {
  return windows.map(({ days = [], start, duration: length, timeZone = 'UTC' }) => {
    const [hours, minutes] = start.split(':').map(Number);
    return {
      days: days.map((day) => DAYS.indexOf(day)),
      start: (hours ?? 0) * 60 + (minutes ?? 0),
      length: Math.floor(duration(length, '0s') / 60_000),
      timeZone,
    };
  });
}

type RolloutSpec = NonNullable<NonNullable<UpdateGroup['spec']['policy']>['rollout']>;

function rolloutOf({ percentage, linear, waves }: RolloutSpec = {}): Rollout {
  if (percentage !== undefined) return { type: 'percentage', percent: percentage };
  if (linear) {
    const { start, duration: length, frame } = linear;
    return { type: 'linear', start: Date.parse(start), duration: duration(length, '0s'), frame: duration(frame, '1s') };
  }
  if (waves) {
    const order = waves.order.map(({ matchLabels, after }) => ({ labels: matchLabels, after: duration(after, '0s') }));
    return { type: 'waves', start: Date.parse(waves.start), waves: order };
  }
  return { type: 'all' };
}

/** What a group leads an instance of that architecture to. Packages that don't exist, or are of another kind, are none. */
export function channelOf(view: ReadView, group: UpdateGroup, arch: string): Channel {
  const { channel: name, pin } = group.spec;
  const channel = getResource(view, 'UpdateChannel', '', name);
  const suits = (one: UpdatePackage | undefined, machines: string) =>
    one !== undefined &&
    applicationOf(one.spec.application) === applicationOf(group.spec.application) &&
    [machines, 'all'].includes(one.spec.arch ?? 'amd64');
  const find = (wanted: string | undefined, machines = arch): Package | undefined => {
    const found = wanted === undefined ? undefined : getResource(view, 'UpdatePackage', '', wanted);
    return suits(found, machines) ? { name: found!.metadata.name, version: found!.spec.version } : undefined;
  };
  const packages = channel?.spec.packages ?? {};
  const target = pin === undefined ? find(packages[arch] ?? packages.all) : find(pin);
  const others = pin === undefined ? Object.entries(packages) : [];
  return {
    target,
    aims: [...others.map(([of, name]) => find(name, of)), target].flatMap((found) => found?.version ?? []),
    floors: (channel?.spec.floors ?? []).map(({ package: floor }) => find(floor)).filter((found) => found !== undefined),
  };
}

function duration(text: string | undefined, fallback: string): number {
  return parseDuration(text ?? fallback) ?? parseDuration(fallback) ?? 0;
}
