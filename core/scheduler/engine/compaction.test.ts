import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lopsided } from '../testing/lopsided.ts';
import { misplacedIn } from '../testing/naive.ts';
import { plainNode, plainWork } from '../testing/plain-work.ts';
import type { GeneratedProblem } from '../testing/problems.ts';
import { Compaction } from './compaction.ts';
import { Mobility } from './mobility.ts';
import { Placer } from './placer.ts';
import { HOST } from './work.ts';

/** Each piece on the first host, from one that differs from piece to piece, that may have it: far from compact. */
function scattered(problem: GeneratedProblem): Placer {
  const placer = new Placer({ ...problem, strategy: 'pack', fewNodes: 0 });
  for (const piece of placer.workOf.keys())
    for (let at = 0; at < placer.nodeCount && placer.nodeOf[piece]! < 0; at++)
      placer.placeOn(piece, (piece + at) % placer.nodeCount);
  return placer;
}

const compact = (placer: Placer, movable = new Uint8Array(placer.workOf.length).fill(1)) =>
  new Compaction(placer, new Mobility(placer, movable)).run();

const inUse = (placer: Placer) => new Set([...placer.nodeOf].filter((node) => node >= 0));

/** By domain, how much there is of what spread and affinity count. */
const counts = (placer: Placer) =>
  placer.model.works.flatMap(({ spreadHere, spreadWide, needsHere, needsWide }) =>
    [...spreadHere, ...spreadWide, ...needsHere, ...needsWide].map(({ tally }) => [...tally.counts]),
  );

describe('emptying hosts', () => {
  test('breaks no constraint, loses nothing, uses no host anew, and each host that it counts is one less', () => {
    let emptied = 0;
    fc.assert(
      fc.property(lopsided, (problem) => {
        const placer = scattered(problem);
        const before = [counts(placer), [...placer.nodeOf].map((node) => node >= 0)];
        const used = inUse(placer);
        const homes = [...placer.nodeOf];
        const now = compact(placer);
        expect(misplacedIn(placer)).toEqual([]);
        expect([counts(placer), [...placer.nodeOf].map((node) => node >= 0)]).toEqual(before);
        expect(inUse(placer).size).toBe(used.size - now);
        for (const node of inUse(placer)) expect(used).toContain(node);
        // Emptied whole, or left as it was.
        for (const [piece, home] of homes.entries()) if (placer.nodeOf[piece] !== home) expect(inUse(placer)).not.toContain(home);
        emptied += now;
      }),
      { numRuns: 500 },
    );
    // The promise is about something.
    expect(emptied).toBeGreaterThan(20);
  });

  test('moves only what it is given, and keeps the account of the room right', () => {
    fc.assert(
      fc.property(lopsided, fc.nat(), (problem, seed) => {
        const placer = scattered(problem);
        const movable = Uint8Array.from(placer.workOf, (_, piece) => ((piece * 7 + seed) % 5 === 0 ? 0 : 1));
        const before = [...placer.nodeOf];
        compact(placer, movable);
        for (const [piece, node] of before.entries()) if (movable[piece] === 0) expect(placer.nodeOf[piece]).toBe(node);
        const anew = new Placer({ ...problem, placed: placer.nodeOf.slice(), strategy: 'pack', fewNodes: 0 });
        expect(placer.free).toEqual(anew.free);
        expect([...placer.grid.cellOf]).toEqual([...anew.grid.cellOf]);
      }),
      { numRuns: 300 },
    );
  });

  test('decides the same again, in whatever order it is told of the hosts', () => {
    fc.assert(
      fc.property(lopsided, (problem) => {
        const first = scattered(problem);
        const second = scattered({ ...problem, nodes: [...problem.nodes].reverse() });
        compact(first);
        compact(second);
        expect([...second.nodeOf]).toEqual([...first.nodeOf]);
      }),
      { numRuns: 100 },
    );
  });

  test('leaves work where it is that may not share a host, and joins what may', () => {
    const own = {
      key: 'alone',
      topologyKey: HOST,
      matches: ({ labels }: { labels: Readonly<Record<string, string>> }) => labels['app'] === 'alone',
    };
    const alone = { ...plainWork('alone', 1, 1), labels: { app: 'alone' }, avoids: [own] };
    const placer = new Placer({
      nodes: ['a', 'b', 'c', 'd'].map((name) => plainNode(name, 10, 10)),
      works: [alone, plainWork('small', 2, 2)],
      workOf: Int32Array.of(0, 0, 1, 1),
      placed: Int32Array.of(0, 1, 2, 3),
      strategy: 'pack',
    });
    expect(compact(placer)).toBe(2);
    expect(inUse(placer).size).toBe(2);
    expect(placer.nodeOf[0]).not.toBe(placer.nodeOf[1]);
  });
});
