import { describe, expect, test } from '@jest/globals';
import { withForeignNames, withLostAnswers } from '../kv/sabotage.ts';
import type { Sabotage } from './cluster-world.ts';
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
      for (const what of ['cuts', 'reboots', 'restarts', 'moves', 'storms', 'drains']) expect(total[what]).toBeGreaterThan(0);
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
