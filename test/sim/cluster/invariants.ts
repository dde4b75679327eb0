import { isActive } from '../../../core/controllers/pod-state.ts';
import type { FollowingState } from '../../../core/controllers/state.ts';
import { unitsToLeave } from '../../../core/controllers/units/emptied.ts';
import { parsedUnit } from '../../../core/controllers/units/parsed.ts';
import { currentStateOf } from '../../../core/fleet/current-state.ts';
import { globMatcher } from '../../../core/fleet/glob.ts';
import { machineSuits } from '../../../core/fleet/place-units.ts';
import { settingsOf } from '../../../core/controllers/settings.ts';
import { isDrained } from '../../../core/node/drain.ts';
import { unreachableMark } from '../../../core/node/fencing.ts';
import { SYSTEMD_LABEL } from '../../../core/node/systemd-label.ts';
import type { Unit } from '../../../core/resources/schema/unit.ts';
import type { ClusterHost } from './cluster-host.ts';
import type { ClusterWorld } from './cluster-world.ts';
import { FENCED_PODS, isFencedName } from './workload.ts';

/** What must hold after each step, whatever goes wrong. Each gives sentences about what is broken. */
export function alwaysTrue(world: ClusterWorld, state: FollowingState): string[] {
  return [
    ...fencedRunOnce(world),
    ...nobodyIsBlamed(world, state),
    ...placedWhereTheyMay(state),
    ...nothingAcknowledgedIsLost(world, state),
  ];
}

/**
 * A host that was paused from outside and goes on runs what it ran until somebody on it has looked at the time: that is counted by itself. While it is
 * paused, nothing of it runs.
 */
const LOOKS_WITHIN_MS = 2_000;

function fencedRunOnce(world: ClusterWorld): string[] {
  const going = world.hosts.filter(({ paused }) => !paused);
  const awake = going.filter(({ wokeAt }) => world.now - wokeAt >= LOOKS_WITHIN_MS);
  const problems = fencedTwice(awake);
  if (problems.length === 0 && fencedTwice(going).length > 0) world.noteAfterPause();
  return problems;
}

function fencedTwice(hosts: readonly ClusterHost[]): string[] {
  const running = (name: string) => hosts.filter(({ systemd }) => systemd.running.includes(name)).map((host) => host.name);
  const names = new Set(hosts.flatMap(({ systemd }) => systemd.running));
  const twice = [...names].filter((name) => isFencedName(name) && running(name).length > 1);
  const pods = hosts.flatMap((host) =>
    host.running.filter(({ podName }) => podName.startsWith('vault')).map(({ podName }) => `${host.name}/${podName}`),
  );
  return [
    ...twice.map((name) => `the fenced unit ${name} runs on ${running(name).join(' and ')}`),
    ...(pods.length > FENCED_PODS ? [`${FENCED_PODS} fenced pods are wanted, and ${pods.join(', ')} run`] : []),
  ];
}

/** Steps of a second, and clocks of a hosted control plane's machines. */
const BLAME_SLACK_SECONDS = 4;

/** No host is given up that the control plane could not have heard for a whole host timeout. A hosted one counts a short outage of its own, too. */
function nobodyIsBlamed(world: ClusterWorld, state: FollowingState): string[] {
  const { notReadySeconds } = settingsOf(state);
  const problems: string[] = [];
  for (const node of state.list('Node')) {
    const { name } = node.metadata;
    const isGivenUp = unreachableMark(node) !== undefined;
    const listened = world.listened.get(name) ?? 0;
    if (isGivenUp && !world.givenUp.has(name) && listened < notReadySeconds - BLAME_SLACK_SECONDS && world.controlPlane.embedded)
      problems.push(`${name} is given up, and it was listened to it for ${listened} s`);
    if (isGivenUp) world.givenUp.add(name);
    else world.givenUp.delete(name);
  }
  return problems;
}

const placed = (unit: Unit) =>
  (unit.status?.hosts ?? []).filter(({ leaving, uid }) => leaving === undefined && uid === undefined);

function placedWhereTheyMay(state: FollowingState): string[] {
  const problems: string[] = [];
  const units = state.list('Unit');
  for (const unit of units) {
    const { name, generation } = unit.metadata;
    const { requirements } = parsedUnit(unit);
    const here = placed(unit);
    if (!requirements.global && (unit.status?.hosts?.length ?? 0) > 1 && unit.status?.observedGeneration === generation)
      problems.push(`${name} is on ${unit.status?.hosts?.map(({ nodeName }) => nodeName).join(' and ')}`);
    // With a new text nobody may have looked at where it is.
    if (unit.status?.observedGeneration !== generation) continue;
    for (const { nodeName } of here) {
      const node = state.get('Node', '', nodeName);
      if (!node) continue;
      const { labels = {} } = node.metadata;
      if (labels[SYSTEMD_LABEL] !== 'true') problems.push(`${name} is on ${nodeName}, which has no systemd`);
      if (!machineSuits(requirements, { id: nodeName, metadata: labels }))
        problems.push(`${name} is on ${nodeName}, which does not suit it`);
      for (const other of units)
        if (
          other !== unit &&
          placed(other).some((host) => host.nodeName === nodeName) &&
          requirements.conflicts.some((glob) => globMatcher(glob)(other.metadata.name))
        )
          problems.push(`${name} is on ${nodeName} with ${other.metadata.name}, which it conflicts with`);
    }
  }
  return problems;
}

/** Each restart that somebody was told of is in the log once. */
function nothingAcknowledgedIsLost(world: ClusterWorld, state: FollowingState): string[] {
  return [...world.acknowledged].flatMap(([name, count]) => {
    if (world.unsure.has(name)) return [];
    const { spec, metadata } = state.get('Unit', '', name) ?? {};
    if (!spec || metadata?.deletionTimestamp) return [];
    const restarts = spec.restarts ?? 0;
    return restarts === count ? [] : [`${count} restarts of ${name} were acknowledged, and the log has ${restarts}`];
  });
}

/** What must have come about once nothing goes wrong any more. */
export function inTheEnd(world: ClusterWorld, state: FollowingState): string[] {
  return [...unitsAreAsWanted(world, state), ...podsAreAsWanted(world, state), ...drainedHostsAreEmpty(state)];
}

function drainedHostsAreEmpty(state: FollowingState): string[] {
  const drained = state.list('Node').filter(isDrained);
  return drained.flatMap(({ metadata: { name } }) =>
    unitsToLeave(state.unitsOn(name), name).map((unit) => `${unit.metadata.name} has not left ${name}, which is drained`),
  );
}

function unitsAreAsWanted(world: ClusterWorld, state: FollowingState): string[] {
  const problems: string[] = [];
  const wanted = new Map(state.list('Unit').map((unit) => [unit.metadata.name, unit]));
  for (const [name, unit] of wanted) {
    const runs = world.runningUnit(name);
    const hosts = placed(unit)
      .map(({ nodeName }) => nodeName)
      .sort();
    const launched = unit.spec.desiredState === 'launched';
    const why = unit.status?.conditions?.find(({ type }) => type === 'Placed');
    if (unit.metadata.deletionTimestamp) problems.push(`${name} is still being destroyed`);
    else if (hosts.length === 0) {
      if (why?.status !== 'False' || !why.message) problems.push(`${name} is on no host, and nothing says why`);
      if (launched && !isHopeless(world, state, unit)) problems.push(`${name} is on no host: ${why?.message}`);
      if (runs.length > 0) problems.push(`${name} is on no host, and runs on ${runs.join(', ')}`);
    } else if (String(launched ? hosts : []) !== String(runs))
      problems.push(`${name} is on ${hosts.join(', ')} and runs on ${runs.join(', ') || 'none'}`);
    else if (currentStateOf(unit) !== unit.spec.desiredState)
      problems.push(`${name} is ${currentStateOf(unit)}, not ${unit.spec.desiredState}`);
  }
  for (const host of world.hosts)
    for (const name of host.systemd.running)
      if (!wanted.has(name)) problems.push(`${name} was destroyed and runs on ${host.name}`);
  return problems;
}

/** Waits for what is not there: the unit that MachineOf names. */
function isHopeless(world: ClusterWorld, state: FollowingState, unit: Unit): boolean {
  const { machineOf, metadata } = parsedUnit(unit).requirements;
  const nodes = state
    .list('Node')
    .filter((node) => node.metadata.labels?.[SYSTEMD_LABEL] === 'true' && !node.spec?.unschedulable);
  const suits = nodes.filter((node) =>
    machineSuits({ metadata }, { id: node.metadata.name, metadata: node.metadata.labels ?? {} }),
  );
  if (
    suits.length === 0 ||
    machineOf.some((name) => world.runningUnit(name).length === 0 && !state.get('Unit', '', name)?.status?.hosts?.length)
  )
    return true;
  // One that conflicts with others needs a host of its own.
  const { conflicts } = parsedUnit(unit).requirements;
  const taken = new Set(
    state
      .list('Unit')
      .filter((other) => conflicts.some((glob) => globMatcher(glob)(other.metadata.name)) && other !== unit)
      .flatMap((other) => (other.status?.hosts ?? []).map(({ nodeName }) => nodeName)),
  );
  // Its peer may be where it can't be.
  const peers = machineOf.flatMap((name) => (state.get('Unit', '', name)?.status?.hosts ?? []).map(({ nodeName }) => nodeName));
  const open = suits.map((node) => node.metadata.name).filter((name) => !taken.has(name));
  return peers.length > 0 ? !peers.every((name) => open.includes(name)) : open.length === 0;
}

function podsAreAsWanted(world: ClusterWorld, state: FollowingState): string[] {
  const problems: string[] = [];
  for (const [kind, prefix] of [
    ['ReplicaSet', 'vault'],
    ['Deployment', 'web'],
  ] as const) {
    const [owner] = state.list(kind).filter(({ metadata }) => metadata.name === prefix);
    const pods = state.list('Pod').filter((pod) => pod.metadata.name.startsWith(prefix) && isActive(pod));
    const runs = world.runningPods(prefix);
    const hopeless = state.list('Node').every(({ spec }) => spec?.unschedulable);
    if (!hopeless && (pods.length !== owner?.spec.replicas || runs.length !== pods.length))
      problems.push(`${owner?.spec.replicas} of ${prefix} are wanted, there are ${pods.length} pods, and ${runs.length} run`);
  }
  return problems;
}
