import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { crowded } from '../testing/crowded.ts';
import { misplacedIn } from '../testing/naive.ts';
import { plainNode, plainWork } from '../testing/plain-work.ts';
import type { GeneratedProblem } from '../testing/problems.ts';
import { CPU, MEMORY } from './compiled.ts';
import { HEADROOM, Headroom } from './headroom.ts';
import { Mobility } from './mobility.ts';
import { placementOrder } from './order.ts';
import { Placer } from './placer.ts';

/** Filled host after host, and so that some are left empty where the work allows it. */
function filled(problem: GeneratedProblem): Placer {
  const nodes = [...problem.nodes, ...problem.nodes.map((node) => ({ ...node, name: `m${node.name}` }))];
  const placer = new Placer({ ...problem, nodes, strategy: 'pack', fewNodes: 0 });
  const rank = placementOrder(placer);
  const pieces = [...placer.workOf.keys()].sort((a, b) => rank[placer.workOf[a]!]! - rank[placer.workOf[b]!]! || a - b);
  for (const piece of pieces) placer.place(Int32Array.of(piece), 0, 1);
  return placer;
}

const loosen = (placer: Placer, most: number, movable = new Uint8Array(placer.workOf.length).fill(1)) =>
  new Headroom(placer, new Mobility(placer, movable)).run(
    Int32Array.from(movable.keys()).filter((piece) => movable[piece] === 1),
    most,
  );

const begins = fc.constantFrom(0, 1, 1, 8);

const inUse = (placer: Placer) => new Set([...placer.nodeOf].filter((node) => node >= 0));

/** Host -> shares of its cpu and memory that are left. */
function lefts({ free, width, model, nodeCount }: Placer): [cpu: number, memory: number][] {
  const left = (at: number) => free[at]! / model.room[at]!;
  return Array.from({ length: nodeCount }, (_, node) => [left(node * width + CPU), left(node * width + MEMORY)]);
}

/** By domain, how much there is of what spread and affinity count. */
const counts = (placer: Placer) =>
  placer.model.works.flatMap(({ spreadHere, spreadWide, needsHere, needsWide }) =>
    [...spreadHere, ...spreadWide, ...needsHere, ...needsWide].map(({ tally }) => [...tally.counts]),
  );

describe('keeping headroom on full hosts', () => {
  test('breaks no constraint, leaves even what was even, and loses nothing', () => {
    fc.assert(
      fc.property(crowded, begins, (problem, most) => {
        const placer = filled(problem);
        const before = [counts(placer), [...placer.nodeOf].map((node) => node >= 0)];
        loosen(placer, most);
        expect(misplacedIn(placer)).toEqual([]);
        expect([counts(placer), [...placer.nodeOf].map((node) => node >= 0)]).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });

  test('gives a host all of it or leaves it as it is, for no more empty hosts than it may take, and none loses its own', () => {
    let given = 0;
    fc.assert(
      fc.property(crowded, begins, (problem, most) => {
        const placer = filled(problem);
        const before = lefts(placer);
        const [used, homes] = [inUse(placer), [...placer.nodeOf]];
        const loosened = loosen(placer, most);
        const after = lefts(placer);
        const left = new Set(homes.filter((home, piece) => home !== placer.nodeOf[piece]));
        expect(left.size).toBe(loosened);
        for (const [node, [cpu, memory]] of before.entries()) {
          const least = Math.min(...after[node]!);
          if (left.has(node)) {
            expect(Math.min(cpu, memory)).toBeLessThan(HEADROOM);
            expect(Math.max(cpu, memory)).toBeGreaterThanOrEqual(HEADROOM);
            expect(least).toBeGreaterThan(HEADROOM - 1e-9);
          } else if (Math.min(cpu, memory) >= HEADROOM) expect(least).toBeGreaterThan(HEADROOM - 1e-9);
          else expect(after[node]).toEqual([cpu, memory]);
        }
        expect([...inUse(placer)].filter((node) => !used.has(node)).length).toBeLessThanOrEqual(most);
        given += loosened;
      }),
      { numRuns: 300 },
    );
    // The promise is about something.
    expect(given).toBeGreaterThan(50);
  });

  test('moves only what it is given, and keeps the account of the room right', () => {
    fc.assert(
      fc.property(crowded, fc.nat(), (problem, seed) => {
        const placer = filled(problem);
        const movable = Uint8Array.from(placer.workOf, (_, piece) => ((piece * 7 + seed) % 3 === 0 ? 0 : 1));
        const before = [...placer.nodeOf];
        loosen(placer, 8, movable);
        for (const [piece, node] of before.entries()) if (movable[piece] === 0) expect(placer.nodeOf[piece]).toBe(node);
        const nodes = placer.model.classes.nodes;
        const anew = new Placer({ ...problem, nodes, placed: placer.nodeOf.slice(), strategy: 'pack', fewNodes: 0 });
        expect(placer.free).toEqual(anew.free);
        expect([...placer.grid.cellOf]).toEqual([...anew.grid.cellOf]);
      }),
      { numRuns: 200 },
    );
  });

  test('decides the same again, in whatever order it is told of the hosts', () => {
    fc.assert(
      fc.property(crowded, begins, (problem, most) => {
        const first = filled(problem);
        const second = filled({ ...problem, nodes: [...problem.nodes].reverse() });
        expect(loosen(second, most)).toBe(loosen(first, most));
        expect([...second.nodeOf]).toEqual([...first.nodeOf]);
      }),
      { numRuns: 100 },
    );
  });

  /** On hosts of 20 cpu and 20 memory: `each` pieces of this size on each of the first ones. */
  function full(hosts: number, each: number, cpu: number, memory: number, empty = 1): Placer {
    const nodes = Array.from({ length: hosts + empty }, (_, node) => plainNode(`n${node}`, 20, 20));
    const workOf = new Int32Array(hosts * each);
    const placed = Int32Array.from(workOf, (_, piece) => Math.floor(piece / each));
    return new Placer({ nodes, works: [plainWork('one', cpu, memory)], workOf, placed, strategy: 'pack' });
  }

  test('makes the memory of hosts without cpu usable, and the cpu of hosts without memory', () => {
    for (const [cpu, memory] of [
      [1, 0.5],
      [0.5, 1],
    ] as const) {
      const placer = full(5, 20, cpu, memory);
      expect(loosen(placer, 1)).toBe(5);
      for (const left of lefts(placer)) expect(Math.min(...left)).toBeGreaterThan(HEADROOM - 1e-9);
    }
  });

  test('takes no empty host that it may not take, and none for hosts that strand nothing or whose headroom would hold no work', () => {
    expect(loosen(full(5, 20, 1, 0.5), 0)).toBe(0);
    expect(loosen(full(5, 20, 1, 1), 1)).toBe(0);
    expect(loosen(full(5, 5, 4, 2), 1)).toBe(0);
  });

  test('fills no host beyond its own headroom, of neither cpu nor memory', () => {
    const nodes = Array.from({ length: 6 }, (_, node) => plainNode(`n${node}`, 20, node === 5 ? 10 : 20));
    const workOf = new Int32Array(100);
    const placed = Int32Array.from(workOf, (_, piece) => Math.floor(piece / 20));
    const placer = new Placer({ nodes, works: [plainWork('one', 1, 0.8)], workOf, placed, strategy: 'pack' });
    // Each gives three; twelve would take the memory of the last one down to 0.4 of 10.
    expect(loosen(placer, 1)).toBe(3);
    expect(Math.min(...lefts(placer)[5]!)).toBeGreaterThan(HEADROOM);
  });

  test('leaves half of the empty hosts empty', () => {
    for (const [empty, taken] of [
      [1, 1],
      [2, 1],
      [4, 2],
      [9, 4],
    ] as const) {
      const placer = full(20, 20, 1, 0.5, empty);
      expect(loosen(placer, 4)).toBeGreaterThan(0);
      expect(inUse(placer).size).toBe(20 + taken);
    }
  });

  test('finds the hosts of a batch among many that are as full of what runs already', () => {
    const placer = full(20, 20, 1, 0.5);
    const movable = Uint8Array.from(placer.workOf, (_, piece) => (placer.nodeOf[piece] === 19 ? 1 : 0));
    expect(loosen(placer, 1, movable)).toBe(1);
    expect([...placer.nodeOf].filter((node) => node === 19)).toHaveLength(17);
  });

  test('begins with the hosts that strand most', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((name, at) => plainNode(name, at === 3 ? 3 : 20, at === 2 ? 40 : 20));
    const workOf = new Int32Array(60);
    const placed = Int32Array.from(workOf, (_, piece) => Math.floor(piece / 20));
    const placer = new Placer({ nodes, works: [plainWork('one', 1, 0.5)], workOf, placed, strategy: 'pack' });
    // The empty one can take two pieces and no more.
    expect(loosen(placer, 1)).toBe(0);
    nodes[3] = plainNode('d', 4, 20);
    const roomier = new Placer({ nodes, works: [plainWork('one', 1, 0.5)], workOf, placed, strategy: 'pack' });
    expect(loosen(roomier, 1)).toBe(1);
    expect([...roomier.nodeOf].filter((node) => node === 2)).toHaveLength(17);
  });
});
