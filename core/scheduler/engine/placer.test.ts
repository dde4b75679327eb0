import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mayStand, type Standing, standingIn } from '../testing/naive.ts';
import { plainNode, plainWork } from '../testing/plain-work.ts';
import { type GeneratedProblem, inManyRacks, problems } from '../testing/problems.ts';
import { placementOrder } from './order.ts';
import { Placer } from './placer.ts';
import { findVictims } from './preemption.ts';
import { refusalsOf } from './refusals.ts';
import { HOST, type Strategy, type Term, type Work } from './work.ts';

const strategies = fc.constantFrom<Strategy>('pack', 'spread');
/** 0: every node is found through the grid, however few there are. */
const fewNodes = fc.constantFrom(0, 64);

const placerFor = (problem: GeneratedProblem, strategy: Strategy, few: number) =>
  new Placer({ ...problem, strategy, fewNodes: few });

/** Pieces of each class, in the order in which they are best placed. */
function runsOf(placer: Placer): Int32Array[] {
  const rank = placementOrder(placer);
  const pieces = [...placer.workOf.keys()];
  return [...rank.keys()]
    .sort((a, b) => rank[a]! - rank[b]!)
    .map((index) => Int32Array.from(pieces.filter((piece) => placer.workOf[piece] === index)));
}

function placeAll(placer: Placer): void {
  for (const run of runsOf(placer)) placer.place(run, 0, run.length);
}

const feasible = (placer: Placer, index: number, standing: readonly Standing[]) => {
  const { nodes } = placer.model.classes;
  return nodes.map((node, at) => !placer.isLost(at) && mayStand(placer.model.works[index]!.work, node, nodes, standing));
};

describe('the placement engine', () => {
  test('says of every node what the plain rules say, whatever stands', () => {
    fc.assert(
      fc.property(problems, strategies, fewNodes, (problem, strategy, few) => {
        const placer = placerFor(problem, strategy, few);
        placeAll(placer);
        const standing = standingIn(placer);
        for (const [index, work] of placer.model.works.entries())
          expect(placer.model.classes.nodes.map((_, node) => placer.admits(work, node))).toEqual(
            feasible(placer, index, standing),
          );
      }),
      { numRuns: 300 },
    );
  });

  test('puts each piece where the plain rules let it be, and gives up only when they let it be nowhere', () => {
    fc.assert(
      fc.property(problems, strategies, fewNodes, (problem, strategy, few) => {
        const placer = placerFor(problem, strategy, few);
        for (const run of runsOf(placer)) {
          for (let at = 0; at < run.length; at++) {
            const allowed = feasible(placer, placer.workOf[run[at]!]!, standingIn(placer));
            const placed = placer.place(run, at, at + 1);
            expect(placed).toBe(allowed.includes(true) ? 1 : 0);
            if (placed) expect(allowed[placer.nodeOf[run[at]!]!]).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('places a whole run as well: every one where it may be, and no more would have fitted', () => {
    fc.assert(
      fc.property(problems, strategies, fewNodes, (problem, strategy, few) => {
        const placer = placerFor(problem, strategy, few);
        for (const run of runsOf(placer)) {
          const before = standingIn(placer);
          const placed = placer.place(run, 0, run.length);
          const standing = [...before];
          const { nodes } = placer.model.classes;
          for (const [at, piece] of run.entries()) {
            const index = placer.workOf[piece]!;
            if (at < placed) {
              const node = nodes[placer.nodeOf[piece]!]!;
              const { work } = placer.model.works[index]!;
              expect(mayStand(work, node, nodes, standing)).toBe(true);
              standing.push({ work, node });
            } else expect(feasible(placer, index, standing)).not.toContain(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('places a run as well where a domain is a part of several classes of nodes: what one of them takes, the others see', () => {
    fc.assert(
      fc.property(problems, strategies, (problem, strategy) => {
        const placer = placerFor(inManyRacks(problem), strategy, 0);
        for (const run of runsOf(placer)) {
          const standing = standingIn(placer);
          const placed = placer.place(run, 0, run.length);
          const { nodes } = placer.model.classes;
          for (const piece of run.subarray(0, placed)) {
            const { work } = placer.model.works[placer.workOf[piece]!]!;
            const node = nodes[placer.nodeOf[piece]!]!;
            expect(mayStand(work, node, nodes, standing)).toBe(true);
            standing.push({ work, node });
          }
          if (placed < run.length) expect(feasible(placer, placer.workOf[run[placed]!]!, standing)).not.toContain(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('counts as many pieces in a rack as it holds, however many racks there are', () => {
    const rack: Term = { key: 'crowd', topologyKey: 'rack', matches: ({ name }) => name === 'crowd' };
    const { nodes } = inManyRacks({
      nodes: ['a', 'b'].map((name) => ({ ...plainNode(name, 1, 1), labels: { rack: 'r0' }, room: new Map([['pods', 65_536]]) })),
      works: [],
      workOf: new Int32Array(),
    });
    const crowd = 65_536;
    const placed = Int32Array.from({ length: crowd + 1 }, (_, piece) => (piece < crowd ? piece % 2 : -1));
    const placer = new Placer({
      nodes,
      works: [plainWork('crowd', 0, 0), { ...plainWork('loner', 0, 0), avoids: [rack] }],
      workOf: Int32Array.from(placed, (node) => (node < 0 ? 1 : 0)),
      placed,
    });
    expect(placer.place(Int32Array.of(crowd), 0, 1)).toBe(0);
  });

  test('explains what fits nowhere: each node gives a reason, and none that would have it does', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const placer = placerFor(problem, 'spread', 64);
        placeAll(placer);
        for (const [index, work] of placer.model.works.entries()) {
          const possible = feasible(placer, index, standingIn(placer)).filter(Boolean).length;
          const reasons = [...refusalsOf(placer, work).values()].reduce((sum, count) => sum + count, 0);
          expect(reasons).toBeGreaterThanOrEqual(placer.nodeCount - possible);
          if (possible === placer.nodeCount) expect(reasons).toBe(0);
        }
      }),
    );
  });

  test('decides the same again', () => {
    fc.assert(
      fc.property(problems, strategies, fewNodes, (problem, strategy, few) => {
        const first = placerFor(problem, strategy, few);
        const second = placerFor({ ...problem, nodes: [...problem.nodes].reverse() }, strategy, few);
        placeAll(first);
        placeAll(second);
        expect([...second.nodeOf]).toEqual([...first.nodeOf]);
      }),
    );
  });

  test('moves nothing but what was on a host that is lost', () => {
    fc.assert(
      fc.property(problems, strategies, fewNodes, fc.nat(), (problem, strategy, few, which) => {
        fc.pre(problem.nodes.length > 0);
        const placer = placerFor(problem, strategy, few);
        placeAll(placer);
        const before = [...placer.nodeOf];
        const lost = which % placer.nodeCount;
        const pieces = placer.loseNode(lost);
        expect(new Set(pieces)).toEqual(new Set([...before.keys()].filter((piece) => before[piece] === lost)));
        for (const piece of pieces) {
          const allowed = feasible(placer, placer.workOf[piece]!, standingIn(placer));
          expect(placer.place(Int32Array.of(piece), 0, 1)).toBe(allowed.includes(true) ? 1 : 0);
        }
        for (const [piece, node] of before.entries()) if (!pieces.includes(piece)) expect(placer.nodeOf[piece]).toBe(node);
        expect([...placer.nodeOf]).not.toContain(lost);
      }),
    );
  });

  test('is as if a piece had never been there once it is taken away', () => {
    fc.assert(
      fc.property(problems, strategies, fewNodes, (problem, strategy, few) => {
        const placer = placerFor(problem, strategy, few);
        const free = placer.free.slice();
        placeAll(placer);
        for (const [piece, node] of [...placer.nodeOf].entries()) if (node >= 0) placer.remove(piece);
        expect(placer.free).toEqual(free);
        for (const [index, work] of placer.model.works.entries())
          expect(placer.model.classes.nodes.map((_, node) => placer.admits(work, node))).toEqual(feasible(placer, index, []));
      }),
    );
  });

  test('pushes aside only less important work, none beyond its budget, and no more than it takes', () => {
    fc.assert(
      fc.property(problems, fc.nat(2), (problem, allowed) => {
        const placer = placerFor(problem, 'spread', 64);
        // The least important first, so that the important find no room.
        for (const run of runsOf(placer).reverse()) placer.place(run, 0, run.length);
        const evictable = {
          pieces: new Uint8Array(placer.workOf.length).fill(1),
          ending: new Uint8Array(placer.workOf.length),
          budgetsOf: () => [0],
          allowed: Int32Array.of(allowed),
        };
        for (const piece of placer.workOf.keys()) {
          if (placer.nodeOf[piece]! >= 0) continue;
          const { work } = placer.model.works[placer.workOf[piece]!]!;
          const before = [...placer.nodeOf];
          const found = findVictims(placer, piece, evictable);
          expect([...placer.nodeOf]).toEqual(before);
          if (!found) continue;
          expect(found.victims.length).toBeLessThanOrEqual(allowed);
          for (const victim of found.victims)
            expect(placer.model.works[placer.workOf[victim]!]!.work.priority).toBeLessThan(work.priority);
          const { nodes } = placer.model.classes;
          for (const victim of found.victims) placer.remove(victim);
          expect(mayStand(work, nodes[found.node]!, nodes, standingIn(placer))).toBe(true);
          for (const victim of found.victims) {
            placer.put(victim, found.node);
            expect(mayStand(work, nodes[found.node]!, nodes, standingIn(placer))).toBe(false);
            placer.remove(victim);
          }
          for (const victim of found.victims) placer.put(victim, found.node);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('places a long chain of work, each needing the one before, in one go', () => {
    const links = 3_000;
    const named = (name: string) => ({
      key: name,
      topologyKey: HOST,
      matches: ({ labels }: Work) => labels['name'] === name,
      label: { key: 'name', value: name },
    });
    const works = Array.from(
      { length: links },
      (_, at): Work => ({
        namespace: '',
        name: `w${at}`,
        labels: { name: `w${at}` },
        requests: new Map(),
        ports: [],
        tolerations: [],
        preferences: [],
        needs: at === links - 1 ? [] : [named(`w${at + 1}`)],
        avoids: [],
        replaces: [],
        likes: [],
        spread: [],
        priority: 0,
        preempts: false,
      }),
    );
    const nodes = ['n0', 'n1'].map((name) => ({ name, labels: {}, taints: [], room: new Map([['pods', links]]) }));
    const placer = new Placer({ nodes, works, workOf: Int32Array.from(works.keys()) });
    placeAll(placer);
    expect(new Set(placer.nodeOf)).toEqual(new Set([placer.nodeOf[0]]));
    expect(placer.nodeOf[0]).toBeGreaterThanOrEqual(0);
  });
});
