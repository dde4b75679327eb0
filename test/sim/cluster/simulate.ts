import type { TxnView } from '../../../core/keyspace/types.ts';
import { deleteResource, getResource, updateResource, type WriteContext } from '../../../core/resources/write.ts';
import { DRAIN_ANNOTATION, isDrained } from '../../../core/node/drain.ts';
import { SECOND } from '../../support/builders.ts';
import { Random } from '../histories/random.ts';
import { ClusterWorld, type Sabotage } from './cluster-world.ts';
import { alwaysTrue, inTheEnd } from './invariants.ts';
import { changed, destroyed, madeAnew, textOf, UNITS } from './workload.ts';

export interface ClusterReport {
  readonly findings: readonly string[];
  /** What happened, in numbers: a story in which nothing goes wrong proves nothing. */
  readonly counts: Readonly<Record<string, number>>;
}

const FAULTS = 16;
const PAUSE_SECONDS_MAX = 25;
/** Longer than a host takes to be given up and its work to move, with all that may have to wait for it. */
const CALM_SECONDS_MAX = 400;
/** As long nothing may be wrong before that counts. */
const QUIET_SECONDS = 5;

/** Runs one story of a cluster under a seed, and says what is wrong with it. */
export async function simulateCluster(seed: number, sabotage: Sabotage = {}): Promise<ClusterReport> {
  const random = new Random(seed);
  const world = await ClusterWorld.start(random, sabotage);
  const findings: string[] = [];
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds && findings.length === 0; second++)
      findings.push(...alwaysTrue(world, await world.step()).map((what) => `${what} (after ${elapsed(world)} s)`));
  };
  await pass(40);
  for (let fault = 0; fault < FAULTS && findings.length === 0; fault++) {
    await befall(world, random);
    await pass(random.below(PAUSE_SECONDS_MAX));
  }
  if (findings.length === 0) findings.push(...(await calmDown(world, pass, findings)));
  for (const host of world.hosts) host.killAgent();
  return { findings, counts: world.counts };
}

const elapsed = (world: ClusterWorld) => Math.round((world.now - Date.UTC(2026, 0, 1)) / SECOND);

async function calmDown(
  world: ClusterWorld,
  pass: (seconds: number) => Promise<void>,
  broken: readonly string[],
): Promise<string[]> {
  world.calm();
  // One that is drained stays so: it has to become empty.
  const nodes = (await world.controlPlane.state()).list('Node');
  const drained = nodes.find(isDrained);
  for (const node of nodes) if (node !== drained) await world.act((txn, ctx) => uncordon(txn, ctx, node.metadata.name));
  let wrong: string[] = [];
  for (let second = 0, quiet = 0; second < CALM_SECONDS_MAX; second++) {
    await pass(1);
    if (broken.length > 0) return [];
    wrong = inTheEnd(world, await world.controlPlane.state());
    quiet = wrong.length === 0 ? quiet + 1 : 0;
    if (quiet >= QUIET_SECONDS) return [];
  }
  return wrong.map((what) => `in the end ${what}`);
}

type Fault = (world: ClusterWorld, random: Random) => void | Promise<void>;

/** How often, and what. */
const FAULT_WEIGHTS: readonly (readonly [weight: number, name: string, fault: Fault])[] = [
  [5, 'cuts', (world, random) => void (someLink(world, random).up = random.chance(0.3) ? 'one way' : 'no')],
  [4, 'heals', (world, random) => void (someLink(world, random).up = 'yes')],
  [2, 'delays', (world, random) => void (someLink(world, random).delay = random.below(20) * SECOND)],
  [2, 'agents killed', (world, random) => killed(world, random, false)],
  [3, 'agents frozen', (world, random) => someHost(world, random).freezeAgent(random.below(180) * SECOND)],
  [2, 'hosts paused', (world, random) => someHost(world, random).pause(random.below(180) * SECOND)],
  [3, 'control planes away', away],
  [2, 'clocks set', setClock],
  [3, 'reboots', (world, random) => killed(world, random, true)],
  [1, 'slow hosts', (world, random) => void (world.slowness = 100 + random.below(2_000))],
  [2, 'reconcilers frozen', freeze],
  [1, 'outages', outage],
  [3, 'storms', (world, random) => world.controlPlane.storm(random.chance(0.7))],
  [2, 'hints lost or repeated', (world, random) => void (world.hints = { lost: random.next(), twice: random.next() })],
  [2, 'cordons', cordon],
  [2, 'drains', drain],
  [1, 'nodes deleted', deleteNode],
  [6, 'restarts', restart],
  [3, 'stops', (world, random) => setState(world, random, random.pick(['loaded', 'inactive'] as const))],
  [4, 'starts', (world, random) => setState(world, random, 'launched')],
  [3, 'destroyed and made anew', destroyAndMake],
  [3, 'moves', move],
  [2, 'scalings', scale],
];

async function befall(world: ClusterWorld, random: Random): Promise<void> {
  let at = random.below(FAULT_WEIGHTS.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, name, fault] of FAULT_WEIGHTS) {
    at -= weight;
    if (at >= 0) continue;
    world.count(name);
    return fault(world, random);
  }
}

const someHost = (world: ClusterWorld, random: Random) => random.pick(world.hosts);
const someLink = (world: ClusterWorld, random: Random) => world.link(someHost(world, random));
const someUnit = (random: Random) => random.pick(Object.keys(UNITS));

function killed(world: ClusterWorld, random: Random, reboot: boolean): void {
  const host = someHost(world, random);
  if (reboot) host.reboot();
  else host.killAgent();
  world.in((1 + random.below(reboot ? 60 : 8)) * SECOND, () => host.startAgent());
}

async function freeze(world: ClusterWorld, random: Random): Promise<void> {
  const process = random.pick(world.controlPlane.reconcilers);
  const seconds = random.below(100);
  process.frozenUntil = world.now + seconds * SECOND;
  world.in(seconds * SECOND, await world.controlPlane.freeze(process));
  // Where there is one process, a run stands still with all of it.
  if (world.controlPlane.embedded) world.controlPlane.goesAway('stand', seconds * SECOND);
}

/** All of it: an embedded one stands still or sleeps, of a hosted one nothing answers and nothing runs. */
function away({ controlPlane }: ClusterWorld, random: Random): void {
  const how = random.pick(['stand', 'sleep'] as const);
  controlPlane.goesAway(controlPlane.embedded ? how : 'outage', random.below(200) * SECOND);
}

/** Of a machine of one's own; those of a cloud are kept right. */
function setClock({ controlPlane }: ClusterWorld, random: Random): void {
  const seconds = random.pick([1, 2, 15, 40, 120, 3_600, -2, -40, -120, -3_600]);
  if (controlPlane.embedded) controlPlane.setClock(seconds * SECOND);
}

function outage(world: ClusterWorld, random: Random): void {
  const until = world.now + random.below(90) * SECOND;
  for (const process of world.controlPlane.reconcilers) process.frozenUntil = until;
}

async function cordon(world: ClusterWorld, random: Random): Promise<void> {
  const { name } = someHost(world, random);
  const unschedulable = random.chance(0.5);
  await world.act((txn, ctx) => {
    const node = getResource(txn, 'Node', '', name);
    if (node) updateResource(txn, { ...node, spec: { ...node.spec, unschedulable } }, ctx);
  });
}

async function drain(world: ClusterWorld, random: Random): Promise<void> {
  const { name } = someHost(world, random);
  await world.act((txn, ctx) => {
    const node = getResource(txn, 'Node', '', name);
    if (!node) return;
    const annotations = { ...node.metadata.annotations, [DRAIN_ANNOTATION]: 'true' };
    const drained = { ...node, metadata: { ...node.metadata, annotations }, spec: { ...node.spec, unschedulable: true } };
    updateResource(txn, drained, ctx);
  });
}

async function deleteNode(world: ClusterWorld, random: Random): Promise<void> {
  const { name } = someHost(world, random);
  await world.act((txn, ctx) => {
    if (getResource(txn, 'Node', '', name)) deleteResource(txn, 'Node', '', name, {}, ctx);
  });
}

/** Counted: each that was acknowledged is done once, and each that is done is one. */
async function restart(world: ClusterWorld, random: Random): Promise<void> {
  const name = someUnit(random);
  let found = false;
  const done = await world.act((txn, ctx) => {
    found = false;
    changed(name, (spec) => {
      found = true;
      return { ...spec, restarts: (spec.restarts ?? 0) + 1 };
    })(txn, ctx);
  });
  if (!done) world.unsure.add(name);
  else if (found) world.acknowledged.set(name, (world.acknowledged.get(name) ?? 0) + 1);
}

async function setState(world: ClusterWorld, random: Random, desiredState: 'inactive' | 'loaded' | 'launched'): Promise<void> {
  await world.act(changed(someUnit(random), (spec) => ({ ...spec, desiredState })));
}

async function destroyAndMake(world: ClusterWorld, random: Random): Promise<void> {
  const name = someUnit(random);
  if (!(await world.act(destroyed(name)))) world.unsure.add(name);
  const soon = random.below(3) * SECOND;
  world.in(soon, async () => {
    // Counted anew, unless it never went.
    if (await world.act(madeAnew(name, UNITS[name]!))) world.acknowledged.delete(name);
    world.unsure.add(name);
  });
}

/** Its text says another host, so that it has to move. */
async function move(world: ClusterWorld, random: Random): Promise<void> {
  const name = random.pick(['db.service', 'ping.service', 'one@1.service']);
  const fleet = name.startsWith('one')
    ? UNITS[name]!
    : random.pick(['', 'MachineMetadata=disk=ssd', 'MachineMetadata=kubernetes.io/hostname=n2']);
  await world.act(changed(name, (spec) => ({ ...spec, contents: textOf(fleet) })));
}

async function scale(world: ClusterWorld, random: Random): Promise<void> {
  const replicas = random.below(6);
  await world.act((txn, ctx) => {
    const web = getResource(txn, 'Deployment', 'default', 'web');
    if (web) updateResource(txn, { ...web, spec: { ...web.spec, replicas } }, ctx);
  });
}

function uncordon(txn: TxnView, ctx: WriteContext, name: string): void {
  const node = getResource(txn, 'Node', '', name);
  if (node?.spec?.unschedulable) updateResource(txn, { ...node, spec: { ...node.spec, unschedulable: false } }, ctx);
}
