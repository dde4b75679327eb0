import { describe, expect, test } from '@jest/globals';
import { withForeignNames, withLostAnswers } from '../kv/sabotage.ts';
import { unreachableMark } from '../../../core/node/fencing.ts';
import { Random } from '../histories/random.ts';
import { ClusterWorld, type Sabotage } from './cluster-world.ts';
import type { ControlPlane } from './control-plane.ts';
import { alwaysTrue, inTheEnd } from './invariants.ts';
import { simulateCluster } from './simulate.ts';

const SEEDS = Number(process.env['TERRANE_SIM_SEEDS'] ?? 8);
/** A limit on hanging, not an expectation of speed. */
const LIMIT_MS = 600_000 + SEEDS * 20_000;

describe('a whole cluster', () => {
  test(
    'keeps what it promises under faults, and is as it should be once they end',
    async () => {
      const total: Record<string, number> = {};
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { findings, counts } = await simulateCluster(seed);
        expect({ seed, findings }).toEqual({ seed, findings: [] });
        for (const [what, count] of Object.entries(counts)) total[what] = (total[what] ?? 0) + count;
      }
      // Stories in which nothing happens would prove nothing.
      for (const what of [
        'cuts',
        'reboots',
        'restarts',
        'moves',
        'storms',
        'drains',
        'agents frozen',
        'hosts paused',
        'control planes away',
        'clocks set',
      ])
        expect(total[what]).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  test(
    'goes the same way again under the same seed',
    async () => {
      expect(await simulateCluster(3)).toEqual(await simulateCluster(3));
    },
    LIMIT_MS,
  );
});

/** A cluster at rest, of which the control plane is of that kind. */
async function atRest(embedded: boolean): Promise<ClusterWorld> {
  for (let seed = 1; ; seed++) {
    const world = await ClusterWorld.start(new Random(seed));
    for (let second = 0; world.controlPlane.embedded === embedded && second < 60; second++) await world.step();
    if (world.controlPlane.embedded === embedded) return world;
    for (const host of world.hosts) host.killAgent();
  }
}

/** Where everything is, as the log has it, and which hosts are given up. */
async function whereabouts({ controlPlane }: ClusterWorld) {
  const state = await controlPlane.state();
  return {
    units: state
      .list('Unit')
      .map(({ metadata, status }) => [metadata.name, status?.hosts?.map(({ nodeName, placement }) => [nodeName, placement])]),
    pods: state.list('Pod').map(({ metadata, spec }) => [metadata.uid, spec.nodeName]),
    givenUp: state.list('Node').flatMap((node) => (unreachableMark(node) ? [node.metadata.name] : [])),
  };
}

describe('a control plane that is away, and nothing else', () => {
  test.each<[string, boolean, (plane: ControlPlane) => void]>([
    ['one process stands still', true, (plane) => plane.goesAway('stand', 300_000)],
    ['its machine sleeps', true, (plane) => plane.goesAway('sleep', 300_000)],
    ['its clock is set forward', true, (plane) => plane.setClock(300_000)],
    ['its clock is set back', true, (plane) => plane.setClock(-300_000)],
    ['nothing answers, and nothing runs', false, (plane) => plane.goesAway('outage', 300_000)],
  ])('moves nothing and gives up nobody: %s', async (_, embedded, befall) => {
    const world = await atRest(embedded);
    const before = await whereabouts(world);
    expect(before.givenUp).toEqual([]);
    befall(world.controlPlane);
    for (let second = 0; second < 420; second++) {
      const state = await world.step();
      expect(alwaysTrue(world, state)).toEqual([]);
      expect((await whereabouts(world)).givenUp).toEqual([]);
    }
    expect(await whereabouts(world)).toEqual(before);
    expect(inTheEnd(world, await world.controlPlane.state())).toEqual([]);
    for (const host of world.hosts) host.killAgent();
  });
});

/** A bug that shows in none of so many stories is one that the invariants don't see. */
const SABOTAGED_SEEDS = 40;

/** What is found wrong in as many stories as it takes to find that. */
async function found(finding: RegExp, sabotage: Sabotage): Promise<string[]> {
  const all = new Set<string>();
  for (let seed = 1; seed <= SABOTAGED_SEEDS && ![...all].some((each) => finding.test(each)); seed++) {
    for (const each of (await simulateCluster(seed, sabotage)).findings) all.add(each);
  }
  return [...all];
}

describe('a bug put in on purpose is found', () => {
  test.each<[what: string, sabotage: Sabotage, finding: RegExp]>([
    ['hosts let fenced work run on when they are cut off', { unfencedHosts: true }, /fenced .* run/],
    ['hosts have no guard beside their agent', { unguardedHosts: true }, /fenced .* run/],
    [
      'a control plane counts by its clock, whatever becomes of that and of itself',
      { countsByClock: true },
      /is given up, and it was listened to it for|fenced .* run/,
    ],
    [
      'a writer does not know its own commit again',
      { log: (log) => withForeignNames(withLostAnswers(log)) },
      /restarts of .* were acknowledged/,
    ],
  ])(
    '%s',
    async (_, sabotage, finding) => {
      expect(await found(finding, sabotage)).toContainEqual(expect.stringMatching(finding));
    },
    LIMIT_MS,
  );

  test(
    'and only the bug: answers that get lost are nothing that a sound writer makes anything wrong of',
    async () => {
      expect((await simulateCluster(1, { log: withLostAnswers })).findings).toEqual([]);
    },
    LIMIT_MS,
  );
});
