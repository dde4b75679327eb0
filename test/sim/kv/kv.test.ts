import { describe, expect, test } from '@jest/globals';
import { withBlindPuts, withForeignNames, withFreshIds, withLazyReads, withoutFences, withoutHeadCheck } from './sabotage.ts';
import { type Sabotage, simulate } from './simulation.ts';

/** More at a time: `npm run sim:kv`. */
const SEEDS = 15;
/** So many stories are told with something broken, until it shows. */
const SABOTAGED_SEEDS = 200;
/** A limit on hanging, not an expectation of speed. */
const LIMIT_MS = 600_000;

/** The rules that are found broken, in as many stories as it takes to find that one. */
async function found(rule: string, sabotage: Sabotage): Promise<string[]> {
  const rules = new Set<string>();
  for (let seed = 1; seed <= SABOTAGED_SEEDS && !rules.has(rule); seed++) {
    for (const finding of (await simulate(seed, sabotage)).findings) rules.add(finding.rule);
  }
  return [...rules];
}

describe('a keyspace and the copies of it on hosts, under kill -9, lost, late and doubled requests, partitions, wrong clocks and freezes beyond the retention', () => {
  test(
    'is strictly serializable, and its watches are reliable',
    async () => {
      const total: Record<string, number> = {};
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { findings, counts } = await simulate(seed);
        const again = `npm run sim:kv -- --seeds 1 --from ${seed}`;
        expect({ again, findings }).toEqual({ again, findings: [] });
        for (const [what, count] of Object.entries(counts)) total[what] = (total[what] ?? 0) + count;
      }
      // Enough went well, and enough went wrong, to prove something.
      const { ok, unknown, refused, kills, partitions, freezes, snapshots, entries, of } = total as Record<string, number>;
      for (const each of [
        unknown,
        refused,
        kills,
        partitions,
        freezes,
        snapshots,
        total['long freezes'],
        total['watches compacted'],
      ]) {
        expect(each).toBeGreaterThan(SEEDS / 2);
      }
      expect(ok).toBeGreaterThan(SEEDS * 50);
      expect(of! - entries!).toBeGreaterThan(SEEDS);
    },
    LIMIT_MS,
  );

  test(
    'goes the same way again under the same seed',
    async () => {
      for (const seed of [1, 2]) expect(await simulate(seed)).toEqual(await simulate(seed));
    },
    LIMIT_MS,
  );

  const sabotages: readonly [what: string, rule: string, Sabotage][] = [
    ['a writer that does not know its own entries writes twice', 'a write took effect twice', { log: withForeignNames }],
    [
      'a writer that trusts its head for ever forks history when it thaws',
      'history was forked',
      { stoppedClocks: true, hosts: 0 },
    ],
    ['linearizable reads from memory are stale', 'a stale read', { staleReads: true }],
    ['a log that hides news makes reads stale', 'a stale read', { log: withLazyReads }],
    ['a put that does not see that it lost damages the log', 'the log is damaged', { log: withBlindPuts }],
    ['a host that reads its copy without asking for the head', 'a stale read', { questions: withoutHeadCheck }],
    ['a host whose calls get a new id when they are sent again', 'a write took effect twice', { questions: withFreshIds }],
    ['a host that does not say that it sends again', 'a write took effect twice', { questions: withoutFences }],
    ['watches that lose events', 'not reliable', { loseEvents: 0.05 }],
  ];
  for (const [what, rule, sabotage] of sabotages) {
    test(`broken on purpose, is found out: ${what}`, async () => expect(await found(rule, sabotage)).toContain(rule), LIMIT_MS);
  }
});
