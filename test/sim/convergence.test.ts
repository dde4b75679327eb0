import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Fault, Simulation } from './simulation.ts';

const HOSTS = 4;

const host = fc.nat(HOSTS - 1);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fault>({ nothing: true }) },
  { weight: 3, arbitrary: host.map((cut) => ({ cut })) },
  { weight: 2, arbitrary: host.map((crash) => ({ crash })) },
  { weight: 3, arbitrary: host.map((heal) => ({ heal })) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 }).map((scale) => ({ scale })) },
  { weight: 1, arbitrary: fc.constantFrom('app:1', 'app:2', 'app:3').map((image) => ({ image })) },
  { weight: 2, arbitrary: fc.nat(20).map((deletePod) => ({ deletePod })) },
  { weight: 1, arbitrary: fc.constant<Fault>({ pause: true }) },
);
/** Up to five minutes of five-second steps. */
const story = fc.array(fault, { maxLength: 60 });

async function play(faults: readonly Fault[]): Promise<Simulation> {
  const simulation = await Simulation.start(HOSTS);
  for (const each of faults) await simulation.step(each);
  return simulation;
}

/** The whole registry as text. */
function contents(simulation: Simulation): string {
  const kinds = ['Deployment', 'ReplicaSet', 'Pod', 'Node', 'Event'] as const;
  return JSON.stringify(kinds.map((kind) => simulation.world.state.list(kind)));
}

/** A limit on hanging, not an expectation of speed. */
const LIMIT_MS = 120_000;

describe('a cluster whose hosts die and come back', () => {
  test(
    'is as it should be once the faults end, and nothing runs twice meanwhile',
    async () => {
      await fc.assert(
        fc.asyncProperty(story, async (faults) => {
          const simulation = await play(faults);
          await simulation.calmDown();
          const { state } = simulation.world;
          const [web] = state.list('Deployment');
          const pods = state.list('Pod');
          expect(pods).toHaveLength(simulation.replicas);
          expect(new Set(pods.map(({ spec }) => spec.containers[0]!.image)).size).toBeLessThanOrEqual(1);
          expect(web?.status?.availableReplicas ?? 0).toBe(simulation.replicas);
          for (const each of simulation.hosts) {
            const assigned = state.podsOn(each.name).map(({ metadata }) => metadata.uid);
            expect(new Set(each.running)).toEqual(new Set(assigned));
          }
          expect(state.list('Node').flatMap(({ spec }) => spec?.taints ?? [])).toEqual([]);
        }),
        { numRuns: 20 },
      );
    },
    LIMIT_MS,
  );

  test(
    'goes the same way again under the same faults',
    async () => {
      await fc.assert(
        fc.asyncProperty(story, async (faults) => {
          expect(contents(await play(faults))).toBe(contents(await play(faults)));
        }),
        { numRuns: 5 },
      );
    },
    LIMIT_MS,
  );
});
