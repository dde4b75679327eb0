import type { Refusals } from '../types.ts';
import { REFUSED_BY_FILTER } from './compile.ts';
import type { CompiledWork } from './compiled.ts';
import type { Placer } from './placer.ts';
import { isMet, keepsEven } from './rules.ts';

/**
 * Why nothing takes such work now: reason (in kube-scheduler's words) -> how many nodes give it. A node that wants no such work at all
 * counts once; one that would if it could counts once for each thing that stands against it. Looks at every node: ask when a
 * placement failed, not before.
 */
export function refusalsOf(placer: Placer, work: CompiledWork): Refusals {
  const counts = new Map<string, number>();
  for (let node = 0; node < placer.nodeCount; node++)
    if (!placer.isLost(node)) for (const reason of reasons(placer, work, node)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

function reasons(placer: Placer, work: CompiledWork, node: number): Set<string> {
  const { classes, resources: names } = placer.model;
  const unwilling = work.refusals[classes.classOf[node]!];
  if (unwilling !== undefined) return new Set([unwilling]);
  if (work.mask?.[node] === 0) return new Set([REFUSED_BY_FILTER]);
  const found = new Set<string>();
  for (const [at, resource] of work.resources.entries())
    if (placer.free[node * placer.width + resource]! < work.amounts[at]!)
      found.add(names[resource] === 'pods' ? 'Too many pods' : `Insufficient ${names[resource]}`);
  for (const { tally, reason } of [...work.forbidsHere, ...work.forbidsWide]) if (tally.at(node) > 0) found.add(reason);
  for (const needed of [...work.needsHere, ...work.needsWide])
    if (!isMet(needed, node)) found.add("node(s) didn't match pod affinity rules");
  for (const spread of [...work.spreadHere, ...work.spreadWide]) {
    const domain = spread.tally.domainOf[node]!;
    if (domain < 0) found.add("node(s) didn't match pod topology spread constraints (missing required label)");
    else if (!keepsEven(spread, domain)) found.add("node(s) didn't match pod topology spread constraints");
  }
  return found;
}
