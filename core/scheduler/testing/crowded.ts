import type fc from 'fast-check';
import type { Work } from '../engine/work.ts';
import { lopsided } from './lopsided.ts';
import type { GeneratedProblem } from './problems.ts';

const EACH = 8;

/** As lopsided, but many small pieces fill a host: eight of an eighth for each. */
export const crowded: fc.Arbitrary<GeneratedProblem> = lopsided.map(({ nodes, works, workOf }) => ({
  nodes,
  works: works.map(
    (work): Work => ({ ...work, requests: new Map([...work.requests].map(([name, amount]) => [name, amount / EACH])) }),
  ),
  workOf: Int32Array.from({ length: workOf.length * EACH }, (_, piece) => workOf[Math.floor(piece / EACH)]!),
}));
