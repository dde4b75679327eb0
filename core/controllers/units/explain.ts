import { globMatcher } from '../../fleet/glob.ts';
import { machineSuits, type UnitPlacement } from '../../fleet/place-units.ts';
import type { Requirements } from '../../fleet/requirements.ts';
import type { Unit } from '../../resources/schema/unit.ts';
import { explainRefusals } from '../../scheduler/explain.ts';
import type { Refusals } from '../../scheduler/types.ts';
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
}

/** `refusals`: of the machines that are open, in the engine's words; undefined of a global unit, for which they are counted here. */
export function explainUnit(unit: Unit, refusals: Refusals | undefined, { machines, units, onHosts }: Situation): string {
  const { requirements } = parsedUnit(unit);
  const counts = new Map<string, number>();
  const add = (reason: string, count = 1) => counts.set(reason, (counts.get(reason) ?? 0) + count);
  for (const { refusal } of machines) if (refusal !== undefined) add(refusal);
  if (refusals) for (const [reason, count] of refusals) add(IN_FLEETS_WORDS.get(reason) ?? reason, count);
  else for (const machine of machines) if (!machine.closed) add(machineSuits(requirements, machine) ? NAMES : SUITS);
  const said = explainRefusals(machines.length, counts);
  if (machines.length === 0) return said;
  const advice = [
    ...(counts.has(SUITS) ? adviceOnMachines(requirements, machines) : []),
    ...(counts.has(TOGETHER) || counts.has(SUITS) ? adviceOnPeers(unit, requirements, units) : []),
    ...(counts.has(NAMED) || counts.has(NAMES) ? adviceOnConflicts(unit, onHosts) : []),
    ...([...counts.keys()].some((reason) => reason.startsWith('Insufficient')) ? [LESS] : []),
    ...adviceOnCordons(requirements, machines),
    ...(machines.every(({ refusal }) => refusal === NO_SYSTEMD) ? ['Units need a host with systemd: join one.'] : []),
  ];
  const message = [said, ...advice].join(' ');
  return message.length > CHARACTERS_MOST ? `${message.slice(0, CHARACTERS_MOST)}...` : message;
}

function adviceOnCordons(requirements: Requirements, machines: readonly UnitMachine[]): string[] {
  const one = machines.find((machine) => machine.node.spec?.unschedulable && machineSuits(requirements, machine));
  return one ? [`${one.id} is cordoned: terrane node uncordon ${one.id}`] : [];
}

const LESS = 'Lower what CPUQuota and MemoryMax ask for, or add a host.';
const NO_SYSTEMD = 'node(s) had no systemd';

function adviceOnMachines({ machineId, metadata }: Requirements, machines: readonly UnitMachine[]): string[] {
  const named = machines.filter((machine) =>
    machineSuits({ ...(machineId !== undefined && { machineId }), metadata: NONE }, machine),
  );
  if (machineId !== undefined && named.length === 0)
    return [`MachineID=${machineId} is none of the hosts: give the name of one, such as ${machines[0]!.id}, or its machine id.`];
  const pairs = [...metadata].map(([key, values]) => ({ key, values, text: `${key}=${values.join(' or ')}` }));
  const missing = pairs.find(
    ({ key, values }) => !named.some((machine) => machineSuits({ metadata: new Map([[key, values]]) }, machine)),
  );
  if (missing) {
    const { key, values, text } = missing;
    const [only] = named;
    const whose = machineId !== undefined && only ? `${only.id} hasn't` : 'No host has';
    return [`${whose} ${text}: terrane node label ${machineId !== undefined && only ? only.id : 'NODE'} ${key}=${values[0]}`];
  }
  if (pairs.length > 1 && !named.some((machine) => machineSuits({ metadata }, machine)))
    return [`No host has all of ${pairs.map(({ text }) => text).join(', ')}: terrane node label NODE KEY=VALUE`];
  return [];
}

const NONE: ReadonlyMap<string, readonly string[]> = new Map();

function adviceOnPeers(unit: Unit, { machineOf }: Requirements, units: ReadonlyMap<string, Unit>): string[] {
  const { name } = unit.metadata;
  const places = new Map<string, string>();
  for (const peer of machineOf) {
    const other = units.get(peer);
    if (!other || !isWanted(other)) return [`MachineOf names ${peer}, which is not loaded: terrane unit start ${peer}`];
    if (peer === name) continue;
    const host = hostOf(other);
    if (host === undefined) return [`MachineOf names ${peer}, which is on no host either.`];
    places.set(peer, host);
  }
  const listed = [...places].map(([peer, host]) => `${peer} on ${host}`).join(' and ');
  if (new Set(places.values()).size > 1) return [`MachineOf names ${listed}: no host has both.`];
  if (listed !== '') return [`It has to be with ${listed}.`];
  for (const other of units.values())
    if (other.metadata.name !== name && isWanted(other) && parsedUnit(other).requirements.machineOf.includes(name))
      return [`It has to be with ${other.metadata.name}, which names it in MachineOf.`];
  return [];
}

/** Who stands against it, whichever of the two says so. */
function adviceOnConflicts(unit: Unit, onHosts: readonly Unit[]): string[] {
  const found: string[] = [];
  for (const other of onHosts) {
    const host = hostOf(other);
    if (host === undefined || !cannotBeBeside(unit, other)) continue;
    if (found.length === NAMED_MOST) return [`It can't be beside ${found.join(', ')} and others.${WAYS_OUT}`];
    found.push(`${other.metadata.name} on ${host}`);
  }
  return found.length === 0 ? [] : [`It can't be beside ${found.join(', ')}.${WAYS_OUT}`];
}

const WAYS_OUT = ' Unload one of them, or add a host.';

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
