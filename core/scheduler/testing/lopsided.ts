import fc from 'fast-check';
import type { Work } from '../engine/work.ts';
import { type GeneratedProblem, problems } from './problems.ts';

/**
 * Hosts of two sizes that have cpu or memory to spare beside work that leans to one of them, and all that placing heeds: what placing
 * leaves behind is lopsided, so that there is something to exchange.
 */
export const lopsided: fc.Arbitrary<GeneratedProblem> = fc
  .record({
    problem: problems,
    hosts: fc.array(fc.constantFrom(4_000, 8_000), { minLength: 2, maxLength: 8 }),
    counts: fc.array(
      fc.tuple(
        fc.constantFrom(250, 500, 1_000, 2_000),
        fc.constantFrom(64, 256, 1_024, 2_048),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(3),
      ),
      { minLength: 2, maxLength: 8 },
    ),
  })
  .map(({ problem, hosts, counts }) => {
    const label = ['z1', 'z2'];
    return {
      nodes: hosts.map((size, index) => ({
        name: `n${index}`,
        labels: { disk: 'ssd', zone: label[index % 2]!, rack: `r${index % 3}` },
        taints: [],
        room: new Map([
          ['cpu', size],
          ['memory', size],
          ['pods', 110],
          ['disk', 10],
        ]),
      })),
      works: counts.map(([cpu, memory, , kind], index): Work => {
        // One in four has the constraints of the other generator.
        const constrained = problem.works[index % problem.works.length]!;
        const { filter: _, owner: _owner, ...plain } = constrained;
        const free = { ...plain, ports: [], preferences: [], needs: [], avoids: [], likes: [], spread: [] };
        return {
          ...(kind === 0 ? constrained : free),
          name: `w${index}`,
          requests: new Map([
            ['cpu', cpu],
            ['memory', memory],
          ]),
        };
      }),
      workOf: Int32Array.from(counts.flatMap(([, , count], index) => Array.from({ length: count }, () => index))),
    };
  });
