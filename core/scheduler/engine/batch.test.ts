import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lopsided } from '../testing/lopsided.ts';
import { mayStand, misplacedIn, standingIn } from '../testing/naive.ts';
import { plainNode, plainWork } from '../testing/plain-work.ts';
import type { GeneratedProblem } from '../testing/problems.ts';
import { Batch } from './batch.ts';
import { placementOrder } from './order.ts';
import { Placer } from './placer.ts';
import { refusalsOf } from './refusals.ts';
import type { SchedulingNode, Strategy, Term, Work } from './work.ts';

function inOrder(placer: Placer): Int32Array {
  const rank = placementOrder(placer);
  return Int32Array.from(placer.workOf.keys()).sort((a, b) => rank[placer.workOf[a]!]! - rank[placer.workOf[b]!]! || a - b);
}

function placedBatch(problem: GeneratedProblem, strategy: Strategy = 'pack'): Placer {
  const placer = new Placer({ ...problem, strategy, fewNodes: 0 });
  const pieces = inOrder(placer);
  const batch = new Batch(placer, new Uint8Array(pieces.length).fill(1));
  batch.place(pieces);
  batch.finish(pieces);
  return placer;
}

/** Pieces of a class each, of a quarter cpu to four, with half to four times as much memory; always the same ones. */
function mixedWork(seed: number, count: number): Work[] {
  let state = seed;
  const pick = (values: readonly number[]) => {
    state = (state * 48_271) % 2_147_483_647;
    return values[state % values.length]!;
  };
  return Array.from({ length: count }, (_, index) => {
    const cpu = pick([0.25, 0.5, 1, 2, 4]);
    return plainWork(`w${index}`, cpu, cpu * pick([0.5, 1, 2, 4]));
  });
}

/** How many hosts it takes if each piece, as they come, goes where it leaves least. */
function hostsOfBestFit(works: readonly Work[], cpu: number, memory: number): number {
  const hosts: { cpu: number; memory: number }[] = [];
  for (const { requests } of works) {
    const wanted = { cpu: requests.get('cpu')!, memory: requests.get('memory')! };
    const left = (host: typeof wanted) => (host.cpu - wanted.cpu) / cpu + (host.memory - wanted.memory) / memory;
    let best: typeof wanted | undefined;
    for (const host of hosts)
      if (host.cpu >= wanted.cpu && host.memory >= wanted.memory && (!best || left(host) < left(best))) best = host;
    if (!best) hosts.push((best = { cpu, memory }));
    best.cpu -= wanted.cpu;
    best.memory -= wanted.memory;
  }
  return hosts.length;
}

/** Whether an order of placing can matter to it. */
const dependent = ({ needs, spread }: Work) => needs.length + spread.length > 0;

describe('placing a batch', () => {
  test('leaves nothing without a place that fits the final state, and explains the final state', () => {
    fc.assert(
      fc.property(lopsided, fc.constantFrom<Strategy>('pack', 'spread'), (problem, strategy) => {
        const placer = placedBatch(problem, strategy);
        const { classes, works } = placer.model;
        const standing = standingIn(placer);
        for (const [piece, node] of placer.nodeOf.entries()) {
          const compiled = works[placer.workOf[piece]!]!;
          if (node >= 0 || dependent(compiled.work)) continue;
          expect(classes.nodes.some((each) => mayStand(compiled.work, each, classes.nodes, standing))).toBe(false);
          const explained = [...refusalsOf(placer, compiled).values()].reduce((sum, count) => sum + count, 0);
          expect(explained).toBeGreaterThanOrEqual(placer.nodeCount);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('finds a place for what fits once others have changed places', () => {
    const nodes = [plainNode('a', 12, 12), plainNode('b', 12, 12)];
    const workOf = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2);
    const placer = new Placer({
      nodes,
      works: [plainWork('heavy', 1, 3), plainWork('lean', 3, 1), plainWork('even', 4, 4)],
      workOf,
      // All that is heavy on one of them, all that is lean on the other: neither has room for both cpu and memory.
      placed: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, -1, -1),
      strategy: 'pack',
    });
    const waiting = Int32Array.of(8, 9);
    expect(placer.place(waiting, 0, 2)).toBe(0);
    new Batch(placer, new Uint8Array(workOf.length).fill(1)).place(waiting);
    expect([...placer.nodeOf]).not.toContain(-1);
  });

  test.each<Strategy>(['pack', 'spread'])('takes hosts that have nothing, and no hosts at all (%s)', (strategy) => {
    const works = [plainWork('some', 1, 1), plainWork('nothing', 0, 0)];
    const problem = { works, workOf: Int32Array.of(0, 0, 1, 1) };
    const empty = placedBatch({ ...problem, nodes: [plainNode('a', 0, 0), plainNode('b', 0, 0)] }, strategy);
    expect([...empty.nodeOf].map((node) => node >= 0)).toEqual([false, false, true, true]);
    expect([...placedBatch({ ...problem, nodes: [] }, strategy).nodeOf]).toEqual([-1, -1, -1, -1]);
  });

  test('leaves headroom on full hosts for a thirty-second more hosts than the batch fills, but for no more than it had won, and for none if it fills few', () => {
    const filling = (full: number, scattered: number) => {
      const nodes = Array.from({ length: 80 }, (_, node) => plainNode(`n${node}`, 20, 20));
      const homes = Array.from({ length: 20 * full + scattered }, (_, piece) =>
        piece < 20 * full ? Math.floor(piece / 20) : full + ((piece - 20 * full) % 4),
      );
      const placer = new Placer({
        nodes,
        works: [plainWork('one', 1, 0.5)],
        workOf: new Int32Array(homes.length),
        strategy: 'pack',
      });
      const batch = new Batch(placer, new Uint8Array(homes.length).fill(1));
      for (const [piece, home] of homes.entries()) placer.put(piece, home);
      batch.finish(Int32Array.from(homes.keys()));
      const on = nodes.map((_, node) => placer.nodeOf.filter((home) => home === node).length);
      return { inUse: on.filter((count) => count > 0).length, full: on.filter((count) => count === 20).length };
    };
    // Of four hosts with five pieces each three are won.
    expect(filling(30, 20)).toEqual({ inUse: 31, full: 31 });
    // The new host takes 17 and keeps 3; each full one gives 3.
    expect(filling(62, 20)).toEqual({ inUse: 64, full: 58 });
    expect(filling(63, 20)).toEqual({ inUse: 66, full: 53 });
    expect(filling(64, 0)).toEqual({ inUse: 64, full: 64 });
  });

  test('empties a host that others can take in once they have changed places', () => {
    const workOf = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2);
    const placer = new Placer({
      nodes: ['a', 'b', 'c'].map((name) => plainNode(name, 12, 12)),
      works: [plainWork('heavy', 1, 3), plainWork('lean', 3, 1), plainWork('even', 2, 2)],
      workOf,
      placed: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2),
      strategy: 'pack',
    });
    new Batch(placer, new Uint8Array(workOf.length).fill(1)).finish(Int32Array.from(workOf.keys()));
    expect(new Set(placer.nodeOf).size).toBe(2);
  });

  test.each([16, 32, 128])(
    'needs no more hosts than a full scan that leaves least of each, if all are of one size, of 16 to %s',
    (memory) => {
      const sum = { ours: 0, leaving: 0 };
      for (let seed = 1; seed <= 4; seed++) {
        const works = mixedWork(seed, 1_250);
        const problem = { nodes: Array.from({ length: 250 }, (_, node) => plainNode(`n${node}`, 16, memory)), works };
        const { nodeOf } = placedBatch({ ...problem, workOf: Int32Array.from(works.keys()) });
        expect([...nodeOf]).not.toContain(-1);
        sum.ours += new Set(nodeOf).size;
        sum.leaving += hostsOfBestFit(works, 16, memory);
      }
      expect(sum.ours).toBeLessThanOrEqual(sum.leaving);
    },
  );

  test('empties hosts that are of a class each, by their names: work may go to any of them that takes it', () => {
    const named = (node: SchedulingNode): SchedulingNode => ({ ...node, labels: { host: node.name } });
    const nodes = ['a', 'b', 'c', 'd'].map((name) => named(plainNode(name, 8, 8)));
    const alone: Term = { key: 'alone', topologyKey: 'host', matches: ({ name }) => name === 'alone' };
    const only = (name: string) => ({
      labels: ['host'],
      readsName: false,
      accepts: ({ labels }: SchedulingNode) => labels['host'] === name,
    });
    const placer = new Placer({
      nodes,
      works: [
        plainWork('any', 2, 2),
        { ...plainWork('alone', 1, 1), avoids: [alone] },
        { ...plainWork('bound', 1, 1), filter: only('d') },
      ],
      workOf: Int32Array.of(0, 0, 0, 1, 1, 2),
      placed: Int32Array.of(0, 1, 2, 0, 1, 3),
      strategy: 'pack',
    });
    new Batch(placer, new Uint8Array(6).fill(1)).finish(Int32Array.from([0, 1, 2, 3, 4, 5]));
    expect(misplacedIn(placer)).toEqual([]);
    expect(new Set(placer.nodeOf).size).toBe(2);
    expect(placer.nodeOf[5]).toBe(3);
  });

  test('tries all that waits once more in the end: less important work that came later has moved things', () => {
    const placer = new Placer({
      nodes: [plainNode('a', 4, 4)],
      works: [plainWork('there', 4, 4), plainWork('waiting', 2, 2)],
      workOf: Int32Array.of(0, 1, 1),
      placed: Int32Array.of(0, -1, -1),
      strategy: 'pack',
    });
    const batch = new Batch(placer, Uint8Array.of(0, 1, 1));
    batch.place(Int32Array.of(1, 2));
    expect([...placer.nodeOf]).toEqual([0, -1, -1]);
    placer.remove(0);
    batch.finish(Int32Array.of(1, 2));
    expect([...placer.nodeOf]).toEqual([-1, 0, 0]);
  });

  test('moves nothing for a single piece', () => {
    fc.assert(
      fc.property(lopsided, (problem) => {
        const placer = new Placer({ ...problem, strategy: 'pack', fewNodes: 0 });
        for (const piece of inOrder(placer)) {
          const before = [...placer.nodeOf];
          const movable = new Uint8Array(placer.workOf.length);
          movable[piece] = 1;
          new Batch(placer, movable).place(Int32Array.of(piece));
          before[piece] = placer.nodeOf[piece]!;
          expect([...placer.nodeOf]).toEqual(before);
        }
      }),
      { numRuns: 100 },
    );
  });
});
