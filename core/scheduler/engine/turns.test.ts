import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lopsided } from '../testing/lopsided.ts';
import { misplacedIn } from '../testing/naive.ts';
import { plainNode, plainWork } from '../testing/plain-work.ts';
import { Batch } from './batch.ts';
import { placementOrder } from './order.ts';
import { Placer, type Problem } from './placer.ts';
import { HOST, type Strategy, type Term } from './work.ts';

const strategies = fc.constantFrom<Strategy>('pack', 'spread');

function order(placer: Placer): Int32Array {
  const rank = placementOrder(placer);
  return Int32Array.from(placer.workOf.keys()).sort((a, b) => rank[placer.workOf[a]!]! - rank[placer.workOf[b]!]! || a - b);
}

function batch(problem: Problem): Placer {
  const placer = new Placer(problem);
  const pieces = order(placer);
  const all = new Batch(placer, new Uint8Array(pieces.length).fill(1));
  all.place(pieces);
  all.finish(pieces);
  return placer;
}

/** Without the turns: the large first, and whatever finds no place then. */
function largeFirst(problem: Problem): Placer {
  const placer = new Placer(problem);
  const pieces = order(placer);
  for (let from = 0; from < pieces.length; ) {
    let to = from + 1;
    while (to < pieces.length && placer.workOf[pieces[to]!] === placer.workOf[pieces[from]!]) to++;
    placer.place(pieces, from, to);
    from = to;
  }
  return placer;
}

const waiting = (placer: Placer) => [...placer.nodeOf.keys()].filter((piece) => placer.nodeOf[piece]! < 0);

describe('when not all of a batch fits', () => {
  const nodes = [plainNode('a', 10, 10)];
  const works = [plainWork('large', 10, 10), plainWork('small', 1, 1)];

  test.each<Strategy>(['pack', 'spread'])('many old ones are not left waiting for a large new one (%s)', (strategy) => {
    const workOf = Int32Array.of(1, 1, 1, 1, 0);
    expect(waiting(largeFirst({ nodes, works, workOf, strategy }))).toEqual([0, 1, 2, 3]);
    expect(waiting(batch({ nodes, works, workOf, strategy }))).toEqual([4]);
  });

  test('a large one that is older keeps its place', () => {
    expect(waiting(batch({ nodes, works, workOf: Int32Array.of(0, 1, 1, 1, 1), strategy: 'pack' }))).toEqual([1, 2, 3, 4]);
  });

  test('a more important one keeps its place, however new it is', () => {
    const important = [plainWork('large', 10, 10, 1), plainWork('small', 1, 1)];
    const placer = batch({ nodes, works: important, workOf: Int32Array.of(1, 1, 1, 0), strategy: 'pack' });
    expect(waiting(placer)).toEqual([0, 1, 2]);
  });

  test('nobody gives way for work that no room would help', () => {
    const elsewhere = { labels: [], readsName: true, accepts: () => false };
    const choosy = [plainWork('large', 10, 10), { ...plainWork('small', 1, 1), filter: elsewhere }];
    expect(waiting(batch({ nodes, works: choosy, workOf: Int32Array.of(1, 1, 0), strategy: 'pack' }))).toEqual([0, 1]);
  });

  test('what others must be near to stays; they give way themselves', () => {
    const leader = { ...plainWork('leader', 4, 4), labels: { app: 'leader' } };
    const near: Term = { key: 'leader', topologyKey: HOST, matches: ({ labels }) => labels['app'] === 'leader' };
    const all = [leader, { ...plainWork('follower', 4, 4), needs: [near] }, plainWork('small', 1, 1)];
    const placer = batch({
      nodes: [plainNode('a', 8, 8)],
      works: all,
      workOf: Int32Array.of(2, 2, 2, 2, 1, 0),
      strategy: 'pack',
    });
    expect(waiting(placer)).toEqual([4]);
  });

  test('constraints hold, and no fewer are placed than with the large first', () => {
    fc.assert(
      fc.property(lopsided, strategies, fc.integer({ min: 1, max: 3 }), (problem, strategy, hosts) => {
        // So few hosts that some always wait.
        const few = { ...problem, nodes: problem.nodes.slice(0, hosts), strategy, fewNodes: 0 };
        const placer = batch(few);
        expect(misplacedIn(placer)).toEqual([]);
        expect(waiting(placer).length).toBeLessThanOrEqual(waiting(largeFirst(few)).length);
      }),
      { numRuns: 300 },
    );
  });
});
