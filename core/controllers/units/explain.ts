import { globMatcher } from '../../fleet/glob.ts';
import { machineSuits, type UnitPlacement } from '../../fleet/place-units.ts';
import type { Requirements } from '../../fleet/requirements.ts';
import { isTemplate, unitNameProblem } from '../../fleet/unit-name.ts';
import { labelValue, qualifiedName } from '../../resources/names.ts';
import type { Unit } from '../../resources/schema/unit.ts';
import { explainRefusals } from '../../scheduler/explain.ts';
import type { Refusals } from '../../scheduler/types.ts';
import type { Lookups } from './lookups.ts';
import type { UnitMachine } from './machines.ts';
import { isWanted, parsedUnit } from './parsed.ts';

/** Why a unit is on no host, and what to change: the counts that pods have, too, and then what its own file asks for and nobody has. */

const SUITS = "node(s) didn't match MachineID or MachineMetadata";
const NAMED = 'node(s) had a unit that Conflicts or Replaces names';
const NAMES = 'node(s) had a unit that conflicts with this one';
const TOGETHER = 'node(s) had no unit that MachineOf names';

/** Words for pods, said of units. */
const IN_FLEETS_WORDS: ReadonlyMap<string, string> = new Map([
  ["node(s) didn't match Pod's node affinity/selector", SUITS],
  ["node(s) didn't match pod affinity rules", TOGETHER],
  ["node(s) didn't match pod anti-affinity rules", NAMED],
  ["node(s) didn't satisfy existing pods anti-affinity rules", NAMES],
]);

/** So many are named; the rest is counted, and only as "more": who waits must not be told anew whenever one of hundreds moves. */
const NAMED_MOST = 3;

/** Files may name anything at any length, and Events hold 1024. */
const CHARACTERS_MOST = 1000;

export interface Situation {
  readonly machines: readonly UnitMachine[];
  /** All that are wanted, or still on hosts, by name. */
  readonly units: ReadonlyMap<string, Unit>;
  /** Those of them that are on hosts: few, where many wait. */
  readonly onHosts: readonly Unit[];
  /** Where they are to be, by unit name. */
  readonly placements: ReadonlyMap<string, UnitPlacement>;
  readonly lookups: Lookups;
}

/** `refusals`: of the machines that are open, in the engine's words; undefined of a global unit, for which they are counted here. */
export function explainUnit(unit: Unit, refusals: Refusals | undefined, situation: Situation): string {
  const { machines, lookups } = situation;
  const { requirements } = parsedUnit(unit);
  const counts = new Map(lookups.refusals);
  const add = (reason: string, count = 1) => counts.set(reason, (counts.get(reason) ?? 0) + count);
  if (refusals) for (const [reason, count] of refusals) add(IN_FLEETS_WORDS.get(reason) ?? reason, count);
  else for (const machine of machines) if (!machine.closed) add(machineSuits(requirements, machine) ? NAMES : SUITS);
  const said = explainRefusals(machines.length, counts);
  if (machines.length === 0) return said;
  const advice = [
    ...(counts.has(SUITS) ? adviceOnMachines(requirements, situation) : []),
    ...(counts.has(TOGETHER) || counts.has(SUITS) ? adviceOnPeers(unit, requirements, situation) : []),
    ...(counts.has(NAMED) || counts.has(NAMES) ? adviceOnConflicts(unit, situation) : []),
    ...([...counts.keys()].some((reason) => reason.startsWith('Insufficient')) ? [LESS] : []),
    ...adviceOnCordons(requirements, lookups),
    ...(counts.get(NO_SYSTEMD) === machines.length ? ['Units need a host with systemd: join one.'] : []),
  ];
  const message = [said, ...advice].join(' ');
  return message.length > CHARACTERS_MOST ? `${message.slice(0, CHARACTERS_MOST)}...` : message;
}

function adviceOnCordons(requirements: Requirements, { cordoned }: Lookups): string[] {
  const one = cordoned.find((machine) => machineSuits(requirements, machine));
  return one ? [`${one.id} is cordoned: terrane node uncordon ${one.id}`] : [];
}

const LESS = 'Lower what CPUQuota and MemoryMax ask for, or add a host.';
const NO_SYSTEMD = 'node(s) had no systemd';

function adviceOnMachines({ machineId, metadata }: Requirements, { machines, lookups }: Situation): string[] {
  const [named] = machineId === undefined ? [] : lookups.named(machineId);
  if (machineId !== undefined && !named)
    return [`MachineID=${machineId} is none of the hosts: give the name of one, such as ${machines[0]!.id}, or its machine id.`];
  const pairs = [...metadata].map(([key, values]) => ({ key, values, text: `${key}=${values.join(' or ')}` }));
  const having = pairs.map(({ key, values }) =>
    named
      ? [named].filter((one) => values.includes(one.metadata[key] ?? ''))
      : values.flatMap((value) => lookups.having(key, value)),
  );
  const missing = pairs[having.findIndex(({ length }) => length === 0)];
  if (missing) {
    const { key, values, text } = missing;
    const value = values.find((each) => labelValue(each) === undefined);
    const remedy =
      qualifiedName(key) !== undefined || value === undefined
        ? 'no label can be that, so change MachineMetadata'
        : `terrane node label ${named?.id ?? 'NODE'} ${key}=${value}`;
    return [`${named ? `${named.id} hasn't` : 'No host has'} ${text}: ${remedy}`];
  }
  const fewest = having.reduce((best, each) => (each.length < best.length ? each : best), machines);
  if (pairs.length > 1 && !fewest.some((machine) => machineSuits({ metadata }, machine)))
    return [`No host has all of ${pairs.map(({ text }) => text).join(', ')}: terrane node label NODE KEY=VALUE`];
  return [];
}

function adviceOnPeers(unit: Unit, { machineOf }: Requirements, { units, lookups }: Situation): string[] {
  const { name } = unit.metadata;
  const places = new Map<string, string>();
  for (const peer of machineOf) {
    const other = units.get(peer);
    if (!other || !isWanted(other)) return [`MachineOf names ${peer}, which ${whyNoPeer(peer)}`];
    if (peer === name) continue;
    const host = hostOf(other);
    if (host === undefined) return [`MachineOf names ${peer}, which is on no host either.`];
    places.set(peer, host);
  }
  const listed = [...places].map(([peer, host]) => `${peer} on ${host}`).join(' and ');
  if (new Set(places.values()).size > 1) return [`MachineOf names ${listed}: no host has both.`];
  if (listed !== '') return [`It has to be with ${listed}.`];
  const other = lookups.naming(name).find(({ metadata }) => metadata.name !== name);
  return other ? [`It has to be with ${other.metadata.name}, which names it in MachineOf.`] : [];
}

function whyNoPeer(peer: string): string {
  if (unitNameProblem(peer) !== undefined) return "can be no unit's name: write it whole, such as db.service";
  return isTemplate(peer) ? 'is a template: name an instance of it.' : `is not loaded: terrane unit start ${peer}`;
}

/** Who stands against it, whichever of the two says so. */
function adviceOnConflicts(unit: Unit, situation: Situation): string[] {
  const found: string[] = [];
  for (const other of mayStandAgainst(unit, situation)) {
    const host = hostOf(other);
    if (host === undefined || !cannotBeBeside(unit, other)) continue;
    if (found.length === NAMED_MOST) return [`It can't be beside ${found.join(', ')} and others.${WAYS_OUT}`];
    found.push(`${other.metadata.name} on ${host}`);
  }
  return found.length === 0 ? [] : [`It can't be beside ${found.join(', ')}.${WAYS_OUT}`];
}

const WAYS_OUT = ' Unload one of them, or add a host.';

/** Those among which all are that stand against it, by name: all that are on hosts only where its own patterns may match any of them. */
function mayStandAgainst(unit: Unit, { units, onHosts, lookups }: Situation): readonly Unit[] {
  const { conflicts, replaces } = parsedUnit(unit).requirements;
  const patterns = [...conflicts, ...replaces];
  if (patterns.some((pattern) => /[*?[\\]/.test(pattern))) return onHosts;
  const named = patterns.flatMap((name) => units.get(name) ?? []);
  return [...new Set([...lookups.choosy, ...named])].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

function cannotBeBeside(one: Unit, other: Unit): boolean {
  const [name, otherName] = [one.metadata.name, other.metadata.name];
  return name !== otherName && (standsAgainst(one)(otherName) || standsAgainst(other)(name));
}

type Matcher = (name: string) => boolean;
const known = new WeakMap<Requirements, Matcher>();

/** Does the unit's file say that it can't be beside one of that name? Each waiting unit asks this of many. */
function standsAgainst(unit: Unit): Matcher {
  const { requirements } = parsedUnit(unit);
  let matcher = known.get(requirements);
  if (!matcher) {
    const matchers = [...requirements.conflicts, ...requirements.replaces].map(globMatcher);
    known.set(requirements, (matcher = (name) => matchers.some((matches) => matches(name))));
  }
  return matcher;
}

/** Why a unit may not stay on the host where it is. */
export function whyNotThere(unit: Unit, nodeName: string, { machines, units, placements }: Situation): string {
  const { requirements } = parsedUnit(unit);
  const machine = machines.find(({ id }) => id === nodeName);
  if (machine && !machineSuits(requirements, machine))
    return 'its host is not one that its MachineID or MachineMetadata asks for';
  for (const [name, placement] of placements) {
    const other = units.get(name);
    const comes = 'machineId' in placement && placement.machineId === nodeName;
    if (!other || !comes || !cannotBeBeside(unit, other)) continue;
    const replaces = parsedUnit(other).requirements.replaces.some((pattern) => globMatcher(pattern)(unit.metadata.name));
    return replaces ? `${name} replaces it there` : `it can't be beside ${name}`;
  }
  const peer = requirements.machineOf.find((each) => hostOf(units.get(each)) !== nodeName);
  return peer === undefined ? 'it has to be on another host' : `it has to be with ${peer}, which MachineOf names`;
}

function hostOf(unit: Unit | undefined): string | undefined {
  const hosts = unit?.status?.hosts ?? [];
  return hosts.length > 1 ? `${hosts.length} hosts` : hosts[0]?.nodeName;
}
