import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { misplacedIn } from '../testing/naive.ts';
import { lopsided } from '../testing/lopsided.ts';
import { plainNode, plainWork } from '../testing/plain-work.ts';
import type { GeneratedProblem } from '../testing/problems.ts';
import { penaltyOf } from './cost.ts';
import { Exchange } from './exchange.ts';
import { Mobility } from './mobility.ts';
import { placementOrder } from './order.ts';
import { Placer } from './placer.ts';

const fewNodes = fc.constantFrom(0, 64);

function placed(problem: GeneratedProblem, fewNodesOrNone: number): Placer {
  const placer = new Placer({ ...problem, strategy: 'pack', fewNodes: fewNodesOrNone });
  const rank = placementOrder(placer);
  const pieces = Int32Array.from(placer.workOf.keys()).sort(
    (a, b) => rank[placer.workOf[a]!]! - rank[placer.workOf[b]!]! || a - b,
  );
  for (let from = 0; from < pieces.length; ) {
    let to = from + 1;
    while (to < pieces.length && placer.workOf[pieces[to]!] === placer.workOf[pieces[from]!]) to++;
    placer.place(pieces, from, to);
    from = to;
  }
  return placer;
}

const exchangeOf = (placer: Placer, movable = new Uint8Array(placer.workOf.length).fill(1)) =>
  new Exchange(placer, new Mobility(placer, movable));

/** By domain, how much there is of what spread and affinity count. */
function counts(placer: Placer): unknown {
  return placer.model.works.flatMap(({ spreadHere, spreadWide, needsHere, needsWide }) =>
    [...spreadHere, ...spreadWide, ...needsHere, ...needsWide].map(({ tally }) => [...tally.counts]),
  );
}

function stranded(placer: Placer, sign: 1 | -1): number {
  const exchange = exchangeOf(placer);
  let sum = 0;
  for (let node = 0; node < placer.nodeCount; node++) sum += Math.max(0, sign * exchange.surplus(node));
  return sum;
}

/** By how much a piece would rather be elsewhere, for what is on its node. */
function disliking({ nodeOf, workOf, model }: Placer, piece: number): number {
  return nodeOf[piece]! < 0 ? 0 : penaltyOf(model.works[workOf[piece]!]!, nodeOf[piece]!);
}

describe('exchanging work between hosts whose rests nobody can use', () => {
  test('breaks no constraint, and leaves even what was even', () => {
    fc.assert(
      fc.property(lopsided, fewNodes, (problem, few) => {
        const placer = placed(problem, few);
        const before = counts(placer);
        expect(misplacedIn(placer)).toEqual([]);
        exchangeOf(placer).run();
        expect(misplacedIn(placer)).toEqual([]);
        expect(counts(placer)).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  test('keeps every piece, once, and the account of the room right', () => {
    fc.assert(
      fc.property(lopsided, (problem) => {
        const placer = placed(problem, 0);
        const before = [...placer.nodeOf].map((node) => node >= 0);
        exchangeOf(placer).run();
        expect([...placer.nodeOf].map((node) => node >= 0)).toEqual(before);
        const listed = new Map<number, number>();
        for (let node = 0; node < placer.nodeCount; node++)
          for (let piece = placer.lastOn[node]!; piece >= 0; piece = placer.before[piece]!) listed.set(piece, node);
        for (const [piece, node] of placer.nodeOf.entries()) expect(listed.get(piece) ?? -1).toBe(node);
        const anew = new Placer({ ...problem, placed: placer.nodeOf.slice(), strategy: 'pack', fewNodes: 0 });
        expect(placer.free).toEqual(anew.free);
        expect([...placer.grid.cellOf]).toEqual([...anew.grid.cellOf]);
      }),
      { numRuns: 300 },
    );
  });

  test('strands neither cpu nor memory that was not stranded, and less of both with each exchange', () => {
    let exchanged = 0;
    fc.assert(
      fc.property(lopsided, (problem) => {
        const placer = placed(problem, 0);
        const before = [stranded(placer, 1), stranded(placer, -1)] as const;
        const exchanges = exchangeOf(placer).run();
        const after = [stranded(placer, 1), stranded(placer, -1)] as const;
        if (exchanges > 0) {
          expect(after[0]).toBeLessThan(before[0]);
          expect(after[1]).toBeLessThan(before[1]);
        } else expect(after).toEqual(before);
        exchanged += exchanges;
      }),
      { numRuns: 500 },
    );
    // The promise is about something.
    expect(exchanged).toBeGreaterThan(20);
  });

  test('moves nothing to where it is less welcome', () => {
    let moved = 0;
    fc.assert(
      fc.property(lopsided, (problem) => {
        const placer = placed(problem, 0);
        const before = [...placer.nodeOf].map((node, piece) => ({ node, dislikes: disliking(placer, piece) }));
        // What comes with a later exchange may be what an earlier one's would rather not have beside it: of those no more is promised.
        if (exchangeOf(placer).run() !== 1) return;
        for (const [piece, { node, dislikes }] of before.entries()) {
          if (placer.nodeOf[piece] === node) continue;
          expect(disliking(placer, piece)).toBeLessThanOrEqual(dislikes);
          moved++;
        }
      }),
      { numRuns: 5000 },
    );
    expect(moved).toBeGreaterThan(20);
  });

  test('moves only what it is given', () => {
    fc.assert(
      fc.property(lopsided, fc.nat(), (problem, seed) => {
        const placer = placed(problem, 0);
        const movable = Uint8Array.from(placer.workOf, (_, piece) => ((piece * 7 + seed) % 3 === 0 ? 1 : 0));
        const before = [...placer.nodeOf];
        exchangeOf(placer, movable).run();
        for (const [piece, node] of before.entries()) if (movable[piece] === 0) expect(placer.nodeOf[piece]).toBe(node);
      }),
      { numRuns: 300 },
    );
  });

  test('decides the same again, in whatever order it is told of the hosts', () => {
    fc.assert(
      fc.property(lopsided, (problem) => {
        const first = placed(problem, 0);
        const second = placed({ ...problem, nodes: [...problem.nodes].reverse() }, 0);
        exchangeOf(first).run();
        exchangeOf(second).run();
        expect([...second.nodeOf]).toEqual([...first.nodeOf]);
      }),
      { numRuns: 200 },
    );
  });

  test('takes several small ones for a large one, if it is these that have the room that the large one needs', () => {
    const placer = new Placer({
      nodes: [plainNode('a', 12, 12), plainNode('b', 12, 12)],
      works: [plainWork('heavy', 2, 6), plainWork('lean', 1, 0.5)],
      workOf: Int32Array.from({ length: 14 }, (_, piece) => (piece < 2 ? 0 : 1)),
      placed: Int32Array.from({ length: 14 }, (_, piece) => (piece < 2 ? 0 : 1)),
      strategy: 'pack',
    });
    // Full: a of memory, with 8 cpu left, and b of cpu, with 6 memory left. For a heavy one two lean ones have to go.
    expect(exchangeOf(placer).run()).toBe(1);
    expect([...placer.nodeOf].filter((node, piece) => piece >= 2 && node === 0)).toHaveLength(2);
    expect(misplacedIn(placer)).toEqual([]);
  });

  test('gives a host that is out of memory work that is lean, for work that is heavy in it', () => {
    const nodes = [plainNode('a', 10, 10), plainNode('b', 10, 10)];
    const placer = new Placer({
      nodes,
      works: [plainWork('heavy', 1, 3), plainWork('lean', 3, 1)],
      workOf: Int32Array.of(0, 0, 0, 1, 1, 1),
      placed: Int32Array.of(0, 0, 0, 1, 1, 1),
      strategy: 'pack',
    });
    expect(exchangeOf(placer).run()).toBeGreaterThan(0);
    const lefts = [0, 1].map((node) => placer.free.slice(node * placer.width, node * placer.width + 2));
    // It was [7, 1] and [1, 7].
    for (const [cpu, memory] of lefts) expect(Math.abs(cpu! - memory!)).toBeLessThanOrEqual(2);
  });
});
