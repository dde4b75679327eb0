import { describe, expect, test } from '@jest/globals';
import { withForeignNames } from '../kv/sabotage.ts';
import type { Sabotage } from './cluster-world.ts';
import { simulateCluster } from './simulate.ts';

const SEEDS = Number(process.env['TERRANE_SIM_SEEDS'] ?? 8);
/** A bug that shows in none of so many stories is one that the invariants don't see. */
const STORIES_MAX = 60;
/** A limit on hanging, not an expectation of speed. */
const LIMIT_MS = 240_000;

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
      for (const what of ['cuts', 'reboots', 'restarts', 'moves', 'storms']) expect(total[what]).toBeGreaterThan(0);
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

describe('a bug put in on purpose is found', () => {
  test.each<[what: string, sabotage: Sabotage, finding: RegExp]>([
    ['hosts let fenced work run on when they are cut off', { unfencedHosts: true }, /fenced .* run/],
    ['a writer does not know its own commit again', { log: withForeignNames }, /restarts of .* were acknowledged/],
  ])(
    '%s',
    async (_, sabotage, finding) => {
      const found: string[] = [];
      for (let seed = 1; seed <= STORIES_MAX && !found.some((what) => finding.test(what)); seed++)
        found.push(...(await simulateCluster(seed, sabotage)).findings);
      expect(found).toContainEqual(expect.stringMatching(finding));
    },
    LIMIT_MS,
  );
});
